"""Loops: rounds of DAG runs that belong together until their goal is met."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain, count
from typing import Any, Literal

from sqlalchemy import Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import ConfigError
from bridle.ledger.part import Part
from bridle.ledger.records import Json
from bridle.ledger.schema import loop, loop_round

LoopState = Literal["running", "paused", "stopped", "done", "failed"]

Verdict = Literal["start", "next", "done", "stop"]
"""What follows a round; `start` is round 0, the repository before anything was done."""

COUNTED_FROM = "counted_from"
"""Key of `LoopRow.params`: the round from which on the stop rules count; a person who resumes moves it."""

FACT_BYTES = 4 << 20
"""A fact of a round, encoded: the loop goes on from it, so it must not be cut. Ten checks with all the names
that are kept of their tests are half a megabyte, as are the prompts of thirty workers."""

ENDED: tuple[LoopState, ...] = ("stopped", "done", "failed")


@dataclass(frozen=True)
class LoopRow:
    """One loop."""

    id: str
    dag_id: str
    goal: str
    repo: str
    state: LoopState
    reason: str
    """Why it is not running any more; empty while it is."""
    params: dict[str, Json]
    """What it was started with, and extended to."""
    branch: str
    """What its pull request's branch is called."""
    base_commit: str
    """Where it started."""
    head_commit: str
    """What all rounds so far came to: where the next one starts."""
    opened_at: datetime
    closed_at: datetime | None
    deadline: datetime | None
    late: bool
    """Whether the deadline has passed, by the database's clock."""

    @property
    def scope(self) -> str:
        """The loop as a scope of budgets and stop flags."""
        return f"loop:{self.id}"

    def run_id(self, number: int, taken: Collection[str] = ()) -> str:
        """The run that round `number` is, for all rounds but those that a person starts.

        Args:
            number: of the round.
            taken: ids of runs that were to be this round and never began it.
        """
        name = f"{self.id}-r{number}"
        others = (f"{name}-{again}" for again in count(2))
        return next(each for each in chain([name], others) if each not in taken)

    def conf(self, number: int) -> dict[str, Json]:
        """The parameters of that run."""
        terms = {name: value for name, value in self.params.items() if name != COUNTED_FROM}
        return {**terms, "loop_id": self.id, "round": number}


@dataclass(frozen=True)
class RoundRow:
    """One round of a loop: one DAG run."""

    loop_id: str
    round: int
    """From 1; round 0 holds the checks of the commit that the loop started from."""
    run_id: str
    base_commit: str
    head_commit: str
    """What it came to; empty while it goes on."""
    decision: dict[str, Json]
    """What the orchestrator answered."""
    dispatched: list[Json]
    """The tasks that the harness made of it."""
    delivered: list[Json]
    """What became of each."""
    checks: list[Json]
    """The criteria, as the harness found them."""
    answer: dict[str, Json]
    """What a human said."""
    verdict: str
    """See `Verdict`; empty while it goes on."""
    reason: str
    tokens: int
    cost_usd: Decimal | None
    opened_at: datetime
    closed_at: datetime | None


class Loops(Part):
    """Opening, noting, ending."""

    def open_loop(
        self,
        loop_id: str,
        *,
        dag_id: str,
        goal: str,
        repo: str,
        base: str,
        branch: str,
        params: dict[str, Any],
        hours: float | None,
    ) -> LoopRow:
        """The loop called `loop_id`; made when it is not there yet, else left as it is.

        Args:
            loop_id: ties its runs together.
            dag_id: whose runs are its rounds.
            goal: in the user's words.
            repo: name on the allow-list.
            base: commit that it starts from.
            branch: of its pull request.
            params: everything else that it was started with.
            hours: until its deadline; None: it has none.
        """
        deadline = None if hours is None else func.clock_timestamp() + _hours(hours)
        with self._db.transaction() as connection:
            connection.execute(
                insert(loop)
                .values(
                    id=loop_id,
                    dag_id=dag_id,
                    goal=self._door.text(goal),
                    repo=repo,
                    base_commit=base,
                    head_commit=base,
                    branch=branch,
                    params=self._door.json(params),
                    deadline=deadline,
                )
                .on_conflict_do_nothing()
            )
        return self.loop(loop_id)

    def loop(self, loop_id: str) -> LoopRow:
        """One loop.

        Raises:
            ConfigError: there is no such loop.
        """
        with self._db.transaction() as connection:
            row = connection.execute(_loops().where(loop.c.id == loop_id)).mappings().first()
        if row is None:
            raise ConfigError(f"there is no loop {loop_id!r}; `bridle loop list` shows those there are")
        return LoopRow(**row)

    def loops(
        self, *, state: LoopState | None = None, dags: Collection[str] | None = None, limit: int = 50
    ) -> list[LoopRow]:
        """Loops, newest first; with `state` only those in it, with `dags` only those of these DAGs."""
        query = _loops().order_by(loop.c.opened_at.desc()).limit(limit)
        if state is not None:
            query = query.where(loop.c.state == state)
        if dags is not None:
            query = query.where(loop.c.dag_id.in_(dags))
        with self._db.transaction() as connection:
            return [LoopRow(**row) for row in connection.execute(query).mappings()]

    def set_loop_state(self, loop_id: str, state: LoopState, reason: str = "") -> None:
        """Say how a loop stands, and why."""
        ended = func.clock_timestamp() if state in ENDED else None
        self._change_loop(loop_id, state=state, reason=self._door.text(reason), closed_at=ended)

    def advance_loop(self, loop_id: str, head: str) -> None:
        """Note the commit that the next round starts from."""
        self._change_loop(loop_id, head_commit=head)

    def resume_loop(self, loop_id: str) -> int:
        """Let a loop go on, with its stop rules counting anew; returns the number of its next round.

        Raises:
            ConfigError: there is no such loop.
        """
        number = max((row.round for row in self.rounds(loop_id)), default=0) + 1
        params = {**self.loop(loop_id).params, COUNTED_FROM: number}
        self._change_loop(loop_id, state="running", reason="", closed_at=None, params=params)
        return number

    def extend_loop(
        self,
        loop_id: str,
        *,
        rounds: int | None = None,
        hours: float | None = None,
        budget_usd: Decimal | None = None,
    ) -> LoopRow:
        """Give a loop more room.

        Args:
            loop_id: which one.
            rounds: added to its maximum; None: unchanged.
            hours: from now to its new deadline; None: unchanged.
            budget_usd: what each further round may spend, as the loop's own budget says; None: unchanged.

        Raises:
            ConfigError: there is no such loop.
        """
        params = dict(self.loop(loop_id).params)
        if rounds is not None:
            params["max_rounds"] = params.get("max_rounds", 0) + rounds
        if budget_usd is not None:
            params["budget_usd"] = float(budget_usd)
        changes: dict[str, Any] = {"params": params}
        if hours is not None:
            changes["deadline"] = func.clock_timestamp() + _hours(hours)
        self._change_loop(loop_id, **changes)
        return self.loop(loop_id)

    def open_round(self, loop_id: str, number: int, *, run_id: str, base: str) -> RoundRow:
        """The round `number`; made when it is not there yet, else as it is.

        Raises:
            ConfigError: another run has made this round.
        """
        values = {"loop_id": loop_id, "round": number, "run_id": run_id, "base_commit": base}
        with self._db.transaction() as connection:
            connection.execute(insert(loop_round).values(**values).on_conflict_do_nothing())
        row = self.round(loop_id, number)
        if row.run_id != run_id:
            raise ConfigError(f"round {number} of loop {loop_id} is the run {row.run_id}, not {run_id}")
        return row

    def round(self, loop_id: str, number: int) -> RoundRow:
        """One round.

        Raises:
            ConfigError: there is no such round.
        """
        found = [row for row in self.rounds(loop_id) if row.round == number]
        if not found:
            raise ConfigError(f"loop {loop_id} has no round {number}")
        return found[0]

    def rounds(self, loop_id: str) -> list[RoundRow]:
        """Every round of a loop, in order."""
        query = select(loop_round).where(loop_round.c.loop_id == loop_id).order_by(loop_round.c.round)
        with self._db.transaction() as connection:
            return [RoundRow(**row) for row in connection.execute(query).mappings()]

    def note_round(
        self,
        row: RoundRow,
        *,
        decision: dict[str, Any] | None = None,
        dispatched: list[Any] | None = None,
        delivered: list[Any] | None = None,
        checks: list[Any] | None = None,
        answer: dict[str, Any] | None = None,
        head: str | None = None,
        verdict: Verdict | None = None,
        reason: str | None = None,
    ) -> RoundRow:
        """Write down what became known of a round; what is None stays as it is."""
        facts = {"decision": decision, "dispatched": dispatched, "delivered": delivered}
        facts |= {"checks": checks, "answer": answer}
        values: dict[str, Any] = {"head_commit": head, "verdict": verdict}
        values["reason"] = None if reason is None else self._door.text(reason)
        values |= {
            name: None if fact is None else self._door.json(fact, FACT_BYTES) for name, fact in facts.items()
        }
        self._change_round(row, {name: value for name, value in values.items() if value is not None})
        return self.round(row.loop_id, row.round)

    def reopen_round(self, row: RoundRow) -> None:
        """Forget what followed a round: one of its steps is at work, perhaps once more."""
        self._change_round(row, {"verdict": "", "reason": "", "closed_at": None})

    def close_round(
        self, row: RoundRow, *, verdict: Verdict, reason: str, tokens: int, cost_usd: Decimal | None
    ) -> None:
        """Write down how a round ended.

        Args:
            row: the round.
            verdict: what follows.
            reason: why.
            tokens: input and output of all its sessions.
            cost_usd: US dollars of all its sessions; None when a price is unknown.
        """
        self._change_round(
            row,
            {
                "verdict": verdict,
                "reason": self._door.text(reason),
                "tokens": tokens,
                "cost_usd": cost_usd,
                "closed_at": func.clock_timestamp(),
            },
        )

    def _change_loop(self, loop_id: str, **values: Any) -> None:
        with self._db.transaction() as connection:
            connection.execute(update(loop).where(loop.c.id == loop_id).values(**values))

    def _change_round(self, row: RoundRow, values: dict[str, Any]) -> None:
        mine = (loop_round.c.loop_id == row.loop_id) & (loop_round.c.round == row.round)
        with self._db.transaction() as connection:
            connection.execute(update(loop_round).where(mine).values(**values))


def _loops() -> Select[Any]:
    late = func.coalesce(loop.c.deadline <= func.clock_timestamp(), False).label("late")
    return select(loop, late)


def _hours(hours: float) -> Any:
    return text("make_interval(secs => :seconds)").bindparams(seconds=hours * 3600)
