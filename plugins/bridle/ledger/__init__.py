"""The Postgres record of what happened: sessions, calls, decisions, reviews, effects; it knows nothing of agents."""
