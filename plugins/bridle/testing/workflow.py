"""One run of a workflow in a test, from the trigger to its end."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bridle.local.rest import AirflowClient, DagRun
    from bridle.local.stack import StackInfo

PAUSE_SECONDS = 0.5


def finished_run(
    stack: "StackInfo",
    dag_id: str,
    conf: Mapping[str, Any],
    *,
    answer: Literal["Approve", "Reject"] = "Approve",
    seconds: float = 240,
) -> "DagRun":
    """Start a run, answer everything that it asks a human, and return it when it has ended.

    Args:
        stack: a running one, out of `bridle.testing.stack`.
        dag_id: the workflow.
        conf: its parameters, as the trigger form would give them; those left out have their defaults.
        answer: to every `HumanApprovalSensor`.
        seconds: how long all of it may take, Airflow's parsing of the DAG file included.

    Raises:
        TimeoutError: it took longer; the message has the tasks' states.
        RuntimeError: Airflow cannot import the DAG file; the message has its traceback.
    """
    from bridle.local.rest import AirflowClient

    deadline = time.monotonic() + seconds
    with AirflowClient(stack.url, token=stack.token) as airflow:
        _wait_for_dag(airflow, dag_id, deadline)
        run = airflow.trigger(dag_id, conf)
        while not run.ended:
            for question in airflow.questions(dag_id, run.run_id):
                airflow.answer(question, answer)
            if time.monotonic() > deadline:
                states = {task.task_id: task.state for task in airflow.tasks(dag_id, run.run_id)}
                raise TimeoutError(f"{dag_id}/{run.run_id} has not ended in {seconds:g} s: {states}")
            time.sleep(PAUSE_SECONDS)
            run = airflow.run(dag_id, run.run_id)
    return run


def _wait_for_dag(airflow: "AirflowClient", dag_id: str, deadline: float) -> None:
    while not airflow.has_dag(dag_id):
        if broken := airflow.import_errors():
            raise RuntimeError("\n".join(f"{name}: {trace}" for name, trace in broken.items()))
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"Airflow has not found a DAG called {dag_id!r}; is its file in the DAG folder?"
            )
        time.sleep(PAUSE_SECONDS)
