"""Tools for tests of your own workflows: real Postgres, ledger, Airflow; scripted models, stand-in forges."""
