"""Who may see and do what: Airflow's own rights, asked for in one place.

Every endpoint depends on one of these. Lists show the DAGs whose runs the user may read. One run, session or
loop is looked up in the ledger, and its DAG is asked for: never one that the client names. What does not
exist is refused like what may not be seen, so that nothing is told.
"""

from collections.abc import Collection
from typing import Annotated, Literal
from uuid import UUID

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException

from bridle.dashboard.books import queries

Method = Literal["GET", "POST", "PUT"]

User = Annotated[BaseUser, Depends(get_user)]
"""Who asks; 401 without a login. Says nothing about rights."""


def may(
    user: BaseUser, method: Method, dag_id: str | None, entity: DagAccessEntity = DagAccessEntity.RUN
) -> bool:
    """Whether Airflow lets a user do that with a DAG's runs; None asks about DAGs in general."""
    if dag_id is None:
        return _is_authorized(user, method, entity, DagDetails())
    return dag_id in those(user, method, {dag_id}, entity)


def those(
    user: BaseUser, method: Method, dags: Collection[str], entity: DagAccessEntity = DagAccessEntity.RUN
) -> frozenset[str]:
    """Those of these DAGs with whose runs Airflow lets a user do that."""
    teams = DagModel.get_dag_id_to_team_name_mapping(list(dags)) if dags else {}
    return frozenset(
        dag_id
        for dag_id in dags
        if _is_authorized(user, method, entity, DagDetails(id=dag_id, team_name=teams.get(dag_id)))
    )


def require(user: BaseUser, method: Method, dag_id: str | None) -> None:
    """Make sure that a user may do that with a DAG's runs.

    Raises:
        HTTPException: 403.
    """
    if not may(user, method, dag_id):
        raise HTTPException(403, "Forbidden")


def readable_dags(user: User) -> frozenset[str]:
    """DAGs whose runs the user may read; of others, a list shows nothing. 403 for who may read none."""
    require(user, "GET", None)
    # Airflow lists the DAGs that it has and the user may see: neither does it know those whose file is gone,
    # nor does it ask about their runs
    listed = frozenset(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))
    ours = queries().dags()
    return (listed - ours) | those(user, "GET", ours)


ReadableDags = Annotated[frozenset[str], Depends(readable_dags)]
"""For lists."""


class OfRun:
    """For one run, named by `dag_id` and `run_id`: the right to use `method` on it, else 403."""

    def __init__(self, method: Method) -> None:
        self._method: Method = method

    def __call__(self, user: User, dag_id: str, run_id: str) -> tuple[str, str]:
        """DAG and run."""
        require(user, self._method, dag_id)
        return dag_id, run_id


class OfSession:
    """For one session, named by `id`: the right to use `method` on runs of its DAG, else 403."""

    def __init__(self, method: Method) -> None:
        self._method: Method = method

    def __call__(self, user: User, id: UUID) -> UUID:
        """The session's id."""
        require_known(user, self._method, queries().dag_of_session(id))
        return id


class OfLoop:
    """For one loop, named by `id`: the right to use `method` on runs of its DAG, else 403."""

    def __init__(self, method: Method) -> None:
        self._method: Method = method

    def __call__(self, user: User, id: str) -> str:
        """The loop's id."""
        require_known(user, self._method, queries().dag_of_loop(id))
        return id


def sees_all(dags: frozenset[str]) -> bool:
    """Whether these are all DAGs that the ledger has runs of; only then is what they share shown."""
    return queries().dags() <= dags


def require_known(user: BaseUser, method: Method, dag_id: str | None) -> None:
    """As `require`, for a DAG that the ledger named; None, for what it does not know, is refused too.

    Raises:
        HTTPException: 403.
    """
    if dag_id is None:
        raise HTTPException(403, "Forbidden")
    require(user, method, dag_id)


def _is_authorized(user: BaseUser, method: Method, entity: DagAccessEntity, details: DagDetails) -> bool:
    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=entity, details=details, user=user
    )


RIGHTS = (readable_dags, OfRun, OfSession, OfLoop)
"""What every endpoint must depend on one of; a test goes through all routes."""
