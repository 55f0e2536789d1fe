"""What happens, told to the outside: traces for OpenTelemetry, metrics for Airflow's own.

Both are made of the facts that the ledger is given, at the moment it is given them: `WatchedLedger` is the
only hook. Where Airflow sends neither traces nor metrics, a step has a plain ledger and nothing here is used.
"""
