"""The dashboard's web application; loaded by Airflow's API server alone, when its first request comes."""
