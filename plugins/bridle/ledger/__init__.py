"""The Postgres record of what happened: sessions, calls, decisions, reviews, effects.

It knows nothing of agents.
"""
