"""The local stack: an embedded PostgreSQL and Airflow's components, one supervisor, one folder of state."""
