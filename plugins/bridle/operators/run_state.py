"""Airflow's word about other runs."""

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRuntimeError

from bridle.errors import AirflowDown

if TYPE_CHECKING:
    from airflow.sdk import Context


def run_state(context: "Context", dag_id: str, run_id: str) -> str | None:
    """The state of a run; None when there is no such run.

    Raises:
        AirflowDown: nobody knows, because the API server did not answer.
    """
    try:
        # not str(…) of it: an enumeration equals its value, while its text does not
        return context["ti"].get_dagrun_state(dag_id, run_id)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == 404:
            return None
        raise AirflowDown(f"no state of {dag_id} {run_id}: {error}") from error
