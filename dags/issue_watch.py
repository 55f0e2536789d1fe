"""Every five minutes: each issue that carries the label becomes one run of `issue_fix`.

Watches the repositories that have `watch` in repositories.yaml, and does not run by itself while there are
none. An issue that is labelled again or opened again is a new attempt, with the next number in its run's id.
"""

from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from bridle import WatchIssuesOperator
from bridle.operators.watch import run_of
from bridle.params import watched

with DAG(
    "issue_watch",
    schedule="*/5 * * * *" if watched(beside=Path(__file__)) else None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2},
    tags=["bridle"],
    doc_md=__doc__,
):
    issues = WatchIssuesOperator(task_id="look", workflow="issue_fix")
    TriggerDagRunOperator.partial(
        task_id="start", trigger_dag_id="issue_fix", logical_date=None, skip_when_already_exists=True
    ).expand_kwargs(issues.output.map(run_of))
