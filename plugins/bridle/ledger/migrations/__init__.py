"""Alembic migrations of the ledger; run by `bridle migrate`."""
