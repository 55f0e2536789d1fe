"""Which round went wrong? A check is run along the commits of a run or loop, on a worker and without a model.

The button on the page of a run or loop starts this; `bridle bisect` does the same at a terminal.
"""

from pathlib import Path

from airflow.sdk import DAG

from bridle import BisectOperator
from bridle.params import bisect_params

with DAG(
    "bridle_bisect",
    schedule=None,
    params=bisect_params(beside=Path(__file__)),
    tags=["bridle"],
    doc_md=__doc__,
):
    BisectOperator(task_id="bisect")
