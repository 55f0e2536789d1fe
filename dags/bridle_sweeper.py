"""Every ten minutes: what kills, crashes and cancellations left behind is put in order."""

from datetime import datetime, timedelta

from airflow.sdk import DAG

from bridle import SweepOperator

with DAG(
    "bridle_sweeper",
    schedule=timedelta(minutes=10),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["bridle"],
    doc_md=__doc__,
):
    SweepOperator(task_id="sweep", retries=1)
