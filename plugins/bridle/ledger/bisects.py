"""Searches for the round that went wrong, and every check that they ran."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, insert, or_, select, text, update

from bridle.ledger.bisect_tables import bisect, bisect_probe
from bridle.ledger.ids import new_id
from bridle.ledger.part import Part
from bridle.ledger.records import Attempt
from bridle.ledger.schema import claim
from bridle.ledger.searched import Searched

BisectState = Literal[
    "asked", "running", "found", "good", "bad", "mixed", "flaky", "failed", "stopped", "lost"
]
"""`asked`: nobody works on it yet. `failed`: it could not be searched; `why` says the reason. `stopped`: a
person ended it. `lost`: its process vanished. The others are the outcomes of `bridle.harness.bisect`."""

LEASE_SECONDS = 60
"""How long a search counts as under way after its last sign of life."""

_LEASE = "bisect:"


@dataclass(frozen=True)
class BisectRow:
    """One search."""

    id: UUID
    dag_id: str
    """Of what is searched, as are the next two."""
    run_id: str | None
    loop_id: str | None
    repo: str
    check_name: str
    """Empty: no check of the repository, but a command that somebody typed."""
    command: str
    by: str
    """Who asked: `human:<user>`."""
    done_by_dag: str
    """The run that searches."""
    done_by_run: str
    generation: int | None
    """Of the searching step; None: not begun yet."""
    state: BisectState
    commits: int | None
    """How many there are to search, the one before everything included; None: not known yet."""
    searched: int | None
    """Checks that it took to find this."""
    repeated: int | None
    """Checks that were run besides, to make sure of it."""
    good_commit: str | None
    """The last that passes before `commit`."""
    commit: str | None
    """The first that fails, at the last turn that was seen."""
    session_id: UUID | None
    """Who made it."""
    round: int | None
    """Of the loop; in a single run, of the step."""
    decision_id: UUID | None
    """What dispatched that session."""
    flaky: list[str]
    """Commits of which the check said both."""
    why: str
    """The result in words."""
    opened_at: datetime
    closed_at: datetime | None

    @property
    def target(self) -> Searched:
        """What is searched."""
        return Searched(self.dag_id, self.run_id, self.loop_id)

    @property
    def lease(self) -> str:
        """Key of the claim that whoever searches prolongs."""
        return f"{_LEASE}{self.id}"

    @property
    def answered(self) -> bool:
        """Whether it came to an answer."""
        return self.state in ("found", "good", "bad", "mixed", "flaky")


@dataclass(frozen=True)
class ProbeRow:
    """One check of a search."""

    bisect_id: UUID
    number: int
    """Counts from 1 in each search."""
    position: int
    """Of the commit, from 0 for the one before everything."""
    commit: str
    round: int | None
    session_id: UUID | None
    again: bool
    """Whether it was to make sure of what was found."""
    passed: bool
    timed_out: bool
    seconds: float
    check_run_id: UUID
    """Its row among all checks, with the output."""
    at: datetime


class Bisects(Part):
    """Asking, searching, telling."""

    def ask_bisect(self, searched: Searched, *, check: str, by: str, done_by: tuple[str, str]) -> UUID:
        """Write down that somebody wants a search.

        Args:
            searched: the run or loop.
            check: name of the check.
            by: who asks.
            done_by: DAG and run that are to search.
        """
        return self._open_bisect(searched, check=check, by=by, done_by=done_by, state="asked")

    def begin_bisect(self, attempt: Attempt, searched: Searched, *, check: str, by: str) -> BisectRow:
        """The search that a step is, begun now or gone on with: a retry finds the checks that have run.

        Args:
            attempt: who searches; a clear makes another search of it.
            searched: the run or loop.
            check: name of the check.
            by: who asks, where that is not written down yet.
        """
        step = attempt.step
        mine = (bisect.c.done_by_dag == step.dag_id) & (bisect.c.done_by_run == step.run_id)
        current = or_(bisect.c.generation.is_(None), bisect.c.generation == attempt.generation)
        query = select(bisect.c.id).where(mine, current).order_by(bisect.c.id.desc()).limit(1)
        with self._db.transaction() as connection:
            found = connection.scalar(query)
        if found is None:
            done_by = (step.dag_id, step.run_id)
            found = self._open_bisect(searched, check=check, by=by, done_by=done_by, state="running")
        again = {"state": "running", "generation": attempt.generation, "why": "", "closed_at": None}
        self._change_bisect(found, **again)
        return self.bisect(found)

    def close_lost_bisects(self) -> list[UUID]:
        """Close the searches under way whose process has vanished: nobody prolongs their lease any more."""
        first = bisect.c.opened_at + text(f"interval '{LEASE_SECONDS} seconds'")
        key = _LEASE + cast(bisect.c.id, Text)
        held = select(claim.c.expires_at).where(claim.c.key == key).scalar_subquery()
        gone = (bisect.c.state == "running") & (func.coalesce(held, first) < func.clock_timestamp())
        lost = {
            "state": "lost",
            "why": "no heartbeat: the process that searched vanished; search again",
            "closed_at": func.clock_timestamp(),
        }
        with self._db.transaction() as connection:
            return list(connection.scalars(update(bisect).where(gone).values(lost).returning(bisect.c.id)))

    def note_bisect(self, bisect_id: UUID, *, repo: str, check: str, command: str, commits: int) -> None:
        """Write down what is searched, and by which check."""
        self._change_bisect(
            bisect_id,
            repo=repo,
            check_name=self._door.line(check),
            command=self._door.text(command),
            commits=commits,
        )

    def record_probe(
        self,
        bisect_id: UUID,
        number: int,
        *,
        position: int,
        commit: str,
        round: int | None,
        session_id: UUID | None,
        again: bool,
        passed: bool,
        timed_out: bool,
        seconds: float,
        check_run_id: UUID,
    ) -> ProbeRow:
        """Write down one check of a search; see `ProbeRow`."""
        row = {
            "bisect_id": bisect_id,
            "number": number,
            "position": position,
            "commit": commit,
            "round": round,
            "session_id": session_id,
            "again": again,
            "passed": passed,
            "timed_out": timed_out,
            "seconds": seconds,
            "check_run_id": check_run_id,
        }
        with self._db.transaction() as connection:
            kept = connection.execute(insert(bisect_probe).values(**row).returning(bisect_probe))
            return ProbeRow(**kept.mappings().one())

    def close_bisect(self, bisect_id: UUID, state: BisectState, *, why: str, **found: Any) -> BisectRow:
        """Write down how a search ended.

        Args:
            bisect_id: which one.
            state: its end.
            why: in words.
            found: further columns of the result; see `BisectRow`.
        """
        self._change_bisect(
            bisect_id, state=state, why=self._door.text(why), closed_at=func.clock_timestamp(), **found
        )
        return self.bisect(bisect_id)

    def bisect(self, bisect_id: UUID) -> BisectRow:
        """One search."""
        with self._db.transaction() as connection:
            row = connection.execute(select(bisect).where(bisect.c.id == bisect_id)).mappings().one()
        return BisectRow(**row)

    def bisects(self, searched: Searched, *, limit: int = 10) -> list[BisectRow]:
        """Searches in a run or loop, the newest first."""
        mine = (
            bisect.c.loop_id == searched.loop_id
            if searched.loop_id
            else (bisect.c.dag_id == searched.dag_id) & (bisect.c.run_id == searched.run_id)
        )
        return self._bisects(select(bisect).where(mine).order_by(bisect.c.id.desc()).limit(limit))

    def bisects_done_by(self, dag_id: str, run_id: str) -> list[BisectRow]:
        """Searches that a run has made, the newest first."""
        mine = (bisect.c.done_by_dag == dag_id) & (bisect.c.done_by_run == run_id)
        return self._bisects(select(bisect).where(mine).order_by(bisect.c.id.desc()))

    def probes(self, bisect_id: UUID) -> list[ProbeRow]:
        """The checks of a search, in order."""
        query = select(bisect_probe).where(bisect_probe.c.bisect_id == bisect_id)
        with self._db.transaction() as connection:
            rows = connection.execute(query.order_by(bisect_probe.c.number)).mappings()
            return [ProbeRow(**row) for row in rows]

    def _open_bisect(
        self, searched: Searched, *, check: str, by: str, done_by: tuple[str, str], state: BisectState
    ) -> UUID:
        bisect_id = new_id()
        with self._db.transaction() as connection:
            connection.execute(
                insert(bisect).values(
                    id=bisect_id,
                    dag_id=searched.dag_id,
                    run_id=searched.run_id,
                    loop_id=searched.loop_id,
                    check_name=self._door.line(check),
                    by=self._door.line(by),
                    done_by_dag=done_by[0],
                    done_by_run=done_by[1],
                    state=state,
                )
            )
        return bisect_id

    def _change_bisect(self, bisect_id: UUID, **values: Any) -> None:
        with self._db.transaction() as connection:
            connection.execute(update(bisect).where(bisect.c.id == bisect_id).values(**values))

    def _bisects(self, query: Select[Any]) -> list[BisectRow]:
        with self._db.transaction() as connection:
            return [BisectRow(**row) for row in connection.execute(query).mappings()]
