"""Spec files: what tasks a text has, which comes next, how a mark is set. No Airflow, no git, no ledger."""
