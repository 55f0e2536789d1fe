"""Tools for tests of your own workflows: a real Postgres, ledger and Airflow, scripted models, stand-in forges."""
