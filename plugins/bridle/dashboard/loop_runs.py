"""A loop's runs as the API server sees them."""

from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import DagNotFound, DagRunAlreadyExists
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from bridle.errors import InvalidInput


class LoopRuns:
    """Reads Airflow's database, and triggers as its REST API does.

    Args:
        user: who is asking, for Airflow's own record.
    """

    def __init__(self, user: str) -> None:
        self._user = user

    def ended(self, dag_id: str, like: str) -> dict[str, bool]:
        """Run ids that hold `like`, and whether each has ended."""
        query = select(DagRun.run_id, DagRun._state).where(
            DagRun.dag_id == dag_id, DagRun.run_id.contains(like, autoescape=True)
        )
        with create_session() as session:
            return {run_id: state in ("success", "failed") for run_id, state in session.execute(query)}

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        """Start a run.

        Raises:
            InvalidInput: there is no such workflow, or somebody has just started this run.
        """
        try:
            trigger_dag(
                dag_id,
                run_id=run_id,
                conf=conf,
                triggered_by=DagRunTriggeredByType.UI,
                triggering_user_name=self._user,
            )
        except DagNotFound as error:
            raise InvalidInput(
                f"Airflow has no workflow {dag_id}; is its file in the dags folder?"
            ) from error
        except DagRunAlreadyExists as error:
            raise InvalidInput(f"{dag_id}/{run_id} was started just now") from error
