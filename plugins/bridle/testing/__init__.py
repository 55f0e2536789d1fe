"""What users need to test their own DAGs: real Postgres, a real Airflow, a scripted model, a GitHub stand-in.
