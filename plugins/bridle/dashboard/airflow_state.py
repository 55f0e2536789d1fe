"""What Airflow knows and the ledger does not: the state of runs, who started them, what waits for a human."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from bridle.ledger.run_list import RunKey

UNDER_WAY = ("queued", "running")
MOST = 20_000
"""Runs that Airflow is asked for: most of them may have had no session."""


@dataclass(frozen=True)
class RunState:
    """One run as Airflow has it."""

    state: str
    user: str | None
    """Who triggered it."""


def states_of(keys: Sequence[RunKey]) -> dict[RunKey, RunState]:
    """The states of these runs; those that Airflow has forgotten are left out."""
    if not keys:
        return {}
    query = select(DagRun.dag_id, DagRun.run_id, DagRun._state, DagRun.triggering_user_name)
    with _reading() as session:
        rows = session.execute(query.where(tuple_(DagRun.dag_id, DagRun.run_id).in_(keys)))
        return {(dag_id, run_id): RunState(state or "", user) for dag_id, run_id, state, user in rows}


def users_of(dags: Collection[str]) -> dict[RunKey, str]:
    """Who triggered each run of these DAGs; those that nobody did, or Airflow has forgotten, are left out."""
    query = select(DagRun.dag_id, DagRun.run_id, DagRun.triggering_user_name).where(
        DagRun.dag_id.in_(dags), DagRun.triggering_user_name.is_not(None)
    )
    with _reading() as session:
        return {(dag_id, run_id): user or "" for dag_id, run_id, user in session.execute(query)}


def runs_in(
    states: Collection[str], dags: Collection[str], *, ended_since: datetime | None = None
) -> list[RunKey]:
    """Runs of these DAGs in one of these states, the newest first."""
    query = select(DagRun.dag_id, DagRun.run_id).where(DagRun._state.in_(states), DagRun.dag_id.in_(dags))
    if ended_since is not None:
        query = query.where(DagRun.end_date >= ended_since)
    with _reading() as session:
        rows = session.execute(query.order_by(DagRun.id.desc()).limit(MOST))
        return [(dag_id, run_id) for dag_id, run_id in rows]


def ended_since(moment: datetime, dags: Collection[str]) -> dict[RunKey, str]:
    """State of every run of these DAGs that has ended since then."""
    query = select(DagRun.dag_id, DagRun.run_id, DagRun._state).where(
        DagRun.dag_id.in_(dags), DagRun.end_date >= moment
    )
    with _reading() as session:
        return {(dag_id, run_id): state or "" for dag_id, run_id, state in session.execute(query)}


def open_questions(
    dags: Collection[str], *, of_run: RunKey | None = None, limit: int
) -> list[dict[str, Any]]:
    """What runs of these DAGs wait for a human to answer, the oldest first."""
    query = (
        select(
            TaskInstance.dag_id,
            TaskInstance.run_id,
            TaskInstance.task_id,
            TaskInstance.map_index,
            HITLDetail.created_at,
            HITLDetail.subject,
            HITLDetail.body,
            HITLDetail.options,
            HITLDetail.multiple,
            HITLDetail.params,
            HITLDetail.assignees,
        )
        .join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
        .where(
            HITLDetail.responded_at.is_(None),
            TaskInstance.dag_id.in_(dags),
            TaskInstance.state.in_([TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED]),
        )
        .order_by(HITLDetail.created_at)
        .limit(limit)
    )
    if of_run is not None:
        query = query.where(TaskInstance.dag_id == of_run[0], TaskInstance.run_id == of_run[1])
    with _reading() as session:
        return [dict(row) for row in session.execute(query).mappings()]


@contextmanager
def _reading() -> Iterator[Session]:
    with create_session() as session:
        yield session
