"""What the endpoints answer, one file a page: the contract between server and pages.

Money is a decimal string in US dollars, or null where it is unknown: never 0 for unknown. Times are
ISO 8601 in UTC. Tokens are whole numbers. Every number is a sum of rows that a process wrote.
"""
