"""The one door between a session and its models.

A `Gateway` runs in the task's process for as long as its session: it holds the real key, counts every
token and dollar before they are spent, and ends the session when a limit is reached. The agent sees a
loopback address and a random token.
"""
