"""What the dashboard reads besides; nothing here writes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, distinct, func, select

from bridle.ledger.queries import Queries
from bridle.ledger.schema import loop, session
from bridle.ledger.summaries import run


@dataclass(frozen=True)
class Steps:
    """Steps, and the rounds that they took."""

    steps: int
    rounds: int


class Reading(Queries):
    """Reading for many users, of whom each may see some DAGs."""

    def dag_of_session(self, session_id: UUID) -> str | None:
        """The DAG that a session belongs to; None: there is no such session."""
        found: str | None = self._first(select(session.c.dag_id).where(session.c.id == session_id))
        return found

    def dag_of_loop(self, loop_id: str) -> str | None:
        """The DAG whose runs are a loop's rounds; None: there is no such loop."""
        found: str | None = self._first(select(loop.c.dag_id).where(loop.c.id == loop_id))
        return found

    def dags(self) -> set[str]:
        """Every DAG that has had a session."""
        return {row["dag_id"] for row in self.rows(select(distinct(run.c.dag_id).label("dag_id")))}

    def today(self) -> date:
        """The UTC day, by the database's clock."""
        found: str = self._first(select(func.to_char(func.timezone("UTC", func.now()), "YYYY-MM-DD")))
        return date.fromisoformat(found)

    def runs_since(self, moment: datetime, dags: Collection[str]) -> set[tuple[str, str]]:
        """DAG and run of all whose newest session began or ended since then."""
        query = select(run.c.dag_id, run.c.run_id).where(run.c.last_at >= moment, run.c.dag_id.in_(dags))
        return {(row["dag_id"], row["run_id"]) for row in self.rows(query)}

    def rounds_since(self, moment: datetime, dags: Collection[str]) -> Steps:
        """Rounds of steps that began since then."""
        c = session.c
        steps = (
            select(func.count(distinct(c.round)).label("rounds"))
            .where(c.opened_at >= moment, c.dag_id.in_(dags))
            .group_by(c.dag_id, c.run_id, c.task_id, c.map_index)
            .subquery()
        )
        query = select(
            func.count().label("steps"), func.coalesce(func.sum(steps.c.rounds), 0).label("rounds")
        )
        (row,) = self.rows(query.select_from(steps))
        return Steps(int(row["steps"]), int(row["rounds"]))

    def _first(self, query: Select[Any]) -> Any:
        with self._db.transaction() as connection:
            return connection.scalar(query)
