"""Tools for tests of your own workflows: a real Postgres, ledger, Airflow; scripted models, stand-in forges."""
