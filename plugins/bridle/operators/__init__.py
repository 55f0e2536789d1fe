"""Airflow operators: each reads its context, calls the harness, and pushes a compact result."""
