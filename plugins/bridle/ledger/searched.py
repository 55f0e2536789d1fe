"""The run or loop that somebody searches, and what of the ledger says who made its commits."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from bridle.errors import InvalidInput
from bridle.ledger.checks import check_of, decision_of
from bridle.ledger.part import Part
from bridle.ledger.records import CheckRow, DecisionRow, SessionRow
from bridle.ledger.schema import check_run, decision, loop, session
from bridle.ledger.sessions import session_of
from bridle.ledger.summaries import run

_SEVERAL = 5


@dataclass(frozen=True)
class Searched:
    """The run or the loop in whose commits to search."""

    dag_id: str
    run_id: str | None = None
    loop_id: str | None = None
    """Exactly one of the two is given."""

    def __str__(self) -> str:
        return f"loop {self.loop_id}" if self.loop_id else f"run {self.dag_id}/{self.run_id}"

    @property
    def scope(self) -> str:
        """As budgets and stop flags name it."""
        return f"loop:{self.loop_id}" if self.loop_id else f"run:{self.dag_id}/{self.run_id}"


class Work(Part):
    """What was done in a run or a loop."""

    def searched(self, scope: str) -> Searched:
        """The run or loop that a scope names: `run:dag/run` or `loop:id`.

        Raises:
            InvalidInput: it names neither, or there is no such loop.
        """
        kind, _, name = scope.partition(":")
        dag_id, _, run_id = name.partition("/")
        if kind == "run" and dag_id and run_id:
            return Searched(dag_id, run_id)
        with self._db.transaction() as connection:
            found = connection.scalar(select(loop.c.dag_id).where(loop.c.id == name))
        if kind != "loop" or found is None:
            raise InvalidInput(f"{scope!r} is neither a run nor a loop; write run:dag/run or loop:id")
        return Searched(found, loop_id=name)

    def find_searched(self, name: str) -> Searched:
        """The run or loop that a person means: a scope, `dag/run`, an id, or a part of one.

        A loop's first run has its loop's id: alone it means the loop.

        Raises:
            InvalidInput: none, or more than one, is called so.
        """
        kind, _, rest = name.partition(":")
        name = rest if kind in ("run", "loop") else name
        loops = select(loop.c.id, loop.c.dag_id).where(loop.c.id.contains(name, autoescape=True))
        path = run.c.dag_id + "/" + run.c.run_id
        runs = select(run.c.dag_id, run.c.run_id).where(path.contains(name, autoescape=True))
        with self._db.transaction() as connection:
            found = [
                Searched(row.dag_id, loop_id=row.id)
                for row in (connection.execute(loops) if kind != "run" else ())
            ]
            found += [
                Searched(row.dag_id, row.run_id)
                for row in (connection.execute(runs) if kind != "loop" else ())
            ]
        return _meant(found, name)

    def repo_of(self, searched: Searched) -> str:
        """Name of the repository that a run or loop works on; empty when none is known."""
        query = (
            select(loop.c.repo).where(loop.c.id == searched.loop_id)
            if searched.loop_id
            else select(run.c.repo).where(run.c.dag_id == searched.dag_id, run.c.run_id == searched.run_id)
        )
        with self._db.transaction() as connection:
            return connection.scalar(query) or ""

    def sessions_in(self, searched: Searched) -> list[SessionRow]:
        """Every session of a run or loop, the oldest first."""
        query = select(session).where(_within(session, searched)).order_by(session.c.id)
        with self._db.transaction() as connection:
            return [session_of(row) for row in connection.execute(query).mappings()]

    def checks_in(self, searched: Searched) -> list[CheckRow]:
        """Every check of a run or loop, the oldest first."""
        query = select(check_run).where(_within(check_run, searched)).order_by(check_run.c.id)
        with self._db.transaction() as connection:
            return [check_of(row) for row in connection.execute(query).mappings()]

    def decision_before(self, made: SessionRow) -> DecisionRow | None:
        """What dispatched a session: its round's orders, else the newest decision before it in its run."""
        step = made.attempt.step
        mine = (decision.c.dag_id == step.dag_id) & (decision.c.run_id == step.run_id)
        query = (
            select(decision)
            .where(mine, decision.c.id < made.id)
            .order_by((decision.c.what == "orders").desc(), decision.c.id.desc())
            .limit(1)
        )
        with self._db.transaction() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else decision_of(row)

    def decision(self, decision_id: UUID) -> DecisionRow | None:
        """One decision; None: it is not in this ledger."""
        with self._db.transaction() as connection:
            row = connection.execute(select(decision).where(decision.c.id == decision_id)).mappings().first()
        return None if row is None else decision_of(row)


def _within(table: Any, searched: Searched) -> Any:
    if searched.loop_id:
        return table.c.loop_id == searched.loop_id
    return (table.c.dag_id == searched.dag_id) & (table.c.run_id == searched.run_id)


def _meant(found: list[Searched], name: str) -> Searched:
    """The one of those whose names hold `name`."""
    loops = [each for each in found if each.loop_id]
    exact = [each for each in loops if each.loop_id == name]
    exact = exact or [each for each in found if name in (each.run_id, f"{each.dag_id}/{each.run_id}")]
    # a part of a loop's name is a part of its runs' names too
    candidates = exact or (loops if len(loops) == 1 else found)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise InvalidInput(
            f"the ledger has no run and no loop called {name!r}; see `bridle runs` and `bridle loop list`"
        )
    several = ", ".join(each.scope for each in candidates[:_SEVERAL])
    raise InvalidInput(f"{name!r} is the name of several: {several}; give one of them as a whole")
