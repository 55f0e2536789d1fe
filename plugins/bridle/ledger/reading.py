"""What the dashboard reads besides; nothing here writes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, distinct, func, select, tuple_

from bridle.ledger.artifacts import content
from bridle.ledger.checks import check_of
from bridle.ledger.part import of_step
from bridle.ledger.queries import Queries
from bridle.ledger.records import CheckRow, EventRow, ReviewRow, SessionRow, StepKey
from bridle.ledger.reviews import review_of
from bridle.ledger.schema import artifact, check_run, event, loop, review, session
from bridle.ledger.sessions import session_of
from bridle.ledger.summaries import run

_LATE = timedelta(seconds=2)
"""Events that were kept on disk follow right behind their session's end."""


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
        return self.dags_of_loops([loop_id]).get(loop_id)

    def dags_of_loops(self, loop_ids: Collection[str]) -> dict[str, str]:
        """The DAG of each of these loops that there is."""
        if not loop_ids:
            return {}
        query = select(loop.c.id, loop.c.dag_id).where(loop.c.id.in_(loop_ids))
        return {row["id"]: row["dag_id"] for row in self.rows(query)}

    def dags(self) -> set[str]:
        """Every DAG that the ledger knows a run of."""
        return {row["dag_id"] for row in self.rows(select(distinct(run.c.dag_id).label("dag_id")))}

    def today(self) -> date:
        """The UTC day, by the database's clock."""
        found: str = self._first(select(func.to_char(func.timezone("UTC", func.now()), "YYYY-MM-DD")))
        return date.fromisoformat(found)

    def rounds_since(self, moment: datetime, dags: Collection[str]) -> Steps:
        """Rounds that began since then, and of how many steps; a clear begins a step's rounds anew."""
        c = session.c
        begun = (
            select(c.dag_id, c.run_id, c.task_id, c.map_index, c.generation, c.round)
            .where(c.opened_at >= moment, c.dag_id.in_(dags))
            .distinct()
            .subquery()
        )
        steps = (
            select(func.count().label("rounds"))
            .select_from(begun)
            .group_by(begun.c.dag_id, begun.c.run_id, begun.c.task_id, begun.c.map_index)
            .subquery()
        )
        query = select(
            func.count().label("steps"), func.coalesce(func.sum(steps.c.rounds), 0).label("rounds")
        )
        (row,) = self.rows(query.select_from(steps))
        return Steps(int(row["steps"]), int(row["rounds"]))

    def sessions_of(self, step: StepKey) -> list[SessionRow]:
        """The sessions of one step, in order."""
        query = select(session).where(of_step(session, step)).order_by(session.c.id)
        return [session_of(row) for row in self.rows(query)]

    def checks_of(self, row: SessionRow) -> list[CheckRow]:
        """The checks of a session's work, in order; old ones do not say which session's."""
        c = check_run.c
        same_round = and_(
            c.session_id.is_(None), c.round == row.round, c.generation == row.attempt.generation
        )
        query = select(check_run).where(of_step(check_run, row.attempt.step))
        query = query.where((c.session_id == row.id) | same_round).order_by(c.id)
        return [check_of(found) for found in self.rows(query)]

    def open_reviews(self, steps: Collection[StepKey]) -> list[ReviewRow]:
        """What these steps ask and nobody has answered, the oldest first."""
        if not steps:
            return []
        c = review.c
        mine = tuple_(c.dag_id, c.run_id, c.task_id, c.map_index).in_(
            [(step.dag_id, step.run_id, step.task_id, step.map_index) for step in steps]
        )
        query = select(review).where(mine, c.decision.is_(None)).order_by(c.id)
        return [review_of(row) for row in self.rows(query)]

    def texts(self, refs: Sequence[str], *, at_most: int | None = None) -> dict[str, str]:
        """The texts of artifacts, by reference; those that retention has removed are left out.

        Args:
            refs: from `put_artifact`.
            at_most: bytes; those that do not fit in any more, in this order, are left out too.
        """
        c, digests = artifact.c, {ref.removeprefix("sha256:"): ref for ref in refs}
        sizes = self.rows(select(c.digest, c.size).where(c.digest.in_(digests)))
        size = {row["digest"]: row["size"] for row in sizes}
        fitting, total = [], 0
        for digest in digests:
            total += size.get(digest, 0)
            if at_most is None or total <= at_most:
                fitting.append(digest)
        rows = self.rows(select(c.digest, c.data, c.compressed).where(c.digest.in_(fitting)))
        return {digests[row["digest"]]: content(row).decode("utf-8", "replace") for row in rows}

    def newest_event(self, session_id: UUID) -> int:
        """The number of a session's last event so far; 0: it has none."""
        query = select(func.coalesce(func.max(event.c.seq), 0)).where(event.c.session_id == session_id)
        return int(self._first(query))

    def look(self, session_id: UUID, after: int, limit: int) -> tuple[Sequence[EventRow], bool]:
        """Events behind a number, and whether the session has ended, so that no others than these come."""
        ended_for = func.clock_timestamp() - session.c.closed_at
        closed = select(ended_for > _LATE).where(session.c.id == session_id)
        events = (
            select(event)
            .where(event.c.session_id == session_id, event.c.seq > after)
            .order_by(event.c.seq)
            .limit(limit)
        )
        with self._db.transaction() as connection:
            # whether it has ended comes first: what is read after it is complete
            ended = bool(connection.scalar(closed))
            rows = [EventRow(**row) for row in connection.execute(events).mappings()]
        return rows, ended and len(rows) < limit

    def _first(self, query: Select[Any]) -> Any:
        with self._db.transaction() as connection:
            return connection.scalar(query)
