"""What a person does with a loop: pause, resume, extend, stop; the terminal and the dashboard alike."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from bridle.errors import InvalidInput
from bridle.ledger.loops import LoopRow
from bridle.ledger.records import Json
from bridle.ledger.store import Ledger


class Runs(Protocol):
    """A loop's runs in Airflow."""

    def ended(self, dag_id: str, like: str) -> dict[str, bool]:
        """Run ids that hold `like`, and whether each has ended."""

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Json]) -> None:
        """Start a run."""


@dataclass(frozen=True)
class Resumed:
    """How a loop goes on."""

    run_id: str
    number: int
    """Of the round that it goes on with."""
    started: bool
    """False: a run was under way already."""


def pause(ledger: Ledger, row: LoopRow, by: str) -> None:
    """Begin no further round; the one under way goes on to its end.

    Raises:
        InvalidInput: the loop is not running.
    """
    if row.state != "running":
        raise InvalidInput(f"loop {row.id} is {row.state}; only a running one can be paused")
    ledger.set_loop_state(row.id, "paused", f"{by} paused it")


def stop(ledger: Ledger, row: LoopRow, by: str) -> None:
    """Let no model call, check, commit or outside write of a loop begin, whether Airflow is up or not.

    Raises:
        InvalidInput: the loop is done.
    """
    _require_not_done(row)
    ledger.request_stop(row.scope, by)
    ledger.set_loop_state(row.id, "stopped", f"{by} stopped it")


def under_way(ledger: Ledger, row: LoopRow, runs: Runs) -> list[str]:
    """A loop's runs that have not ended; of a stopped loop they are to be failed."""
    return [run_id for run_id, ended in _last_and_waiting(ledger, row, runs).items() if not ended]


def extend(
    ledger: Ledger,
    row: LoopRow,
    by: str,
    *,
    rounds: int | None,
    hours: float | None,
    budget: Decimal | None,
    tokens: int | None,
) -> LoopRow:
    """Give a loop more rounds, more time, more US dollars, or more tokens; None: as it is.

    Raises:
        InvalidInput: more tokens for a loop that may use as many as it likes.
    """
    found = ledger.budget(row.scope)
    cap_usd, cap_tokens = (None, None) if found is None else (found.cap_usd, found.cap_tokens)
    if tokens is not None and cap_tokens is None:
        raise InvalidInput(
            f"loop {row.id} has no cap in tokens, so there is none to raise: `bridle budget {row.scope} "
            "--tokens N` sets one"
        )
    row = ledger.extend_loop(row.id, rounds=rounds, hours=hours)
    if budget is not None or tokens is not None:
        ledger.change_budget(
            row.scope,
            cap_usd=None if budget is None else (cap_usd or Decimal(0)) + budget,
            cap_tokens=None if tokens is None else (cap_tokens or 0) + tokens,
            by=by,
        )
    if budget is not None:
        row = ledger.extend_loop(row.id, budget_usd=(cap_usd or Decimal(0)) + budget)
    return row


def resume(ledger: Ledger, row: LoopRow, runs: Runs) -> Resumed:
    """Let a paused, stopped or failed loop go on from where it was.

    Raises:
        InvalidInput: the loop is done, or has used up what it was given: a rule would end its round at once.
    """
    known = _last_and_waiting(ledger, row, runs)
    _require_room(ledger, row)
    last = ledger.rounds(row.id)[-1]
    ledger.clear_stop(row.scope)
    number = ledger.resume_loop(row.id)
    under_way = next((run_id for run_id, ended in known.items() if not ended), None)
    if under_way is not None:
        return Resumed(under_way, number, started=False)
    free = row.run_id(number, taken=set(known) - {last.run_id})
    runs.trigger(row.dag_id, free, row.conf(number))
    return Resumed(free, number, started=True)


def _last_and_waiting(ledger: Ledger, row: LoopRow, runs: Runs) -> dict[str, bool]:
    """Whether the run of the last round has ended, and those that were to be the next and never began it."""
    last = ledger.rounds(row.id)[-1]
    following = row.run_id(last.round + 1)
    known = {
        run_id: ended
        for run_id, ended in runs.ended(row.dag_id, following).items()
        if run_id == following or run_id.startswith(f"{following}-")
    }
    return {last.run_id: runs.ended(row.dag_id, last.run_id).get(last.run_id, True), **known}


def _require_not_done(row: LoopRow) -> None:
    if row.state == "done":
        raise InvalidInput(f"loop {row.id} is done: {row.reason}")


def _require_room(ledger: Ledger, row: LoopRow) -> None:
    """A round that a rule would end at once is not worth its money.

    Raises:
        InvalidInput: the loop is done, or has used up what it was given.
    """
    _require_not_done(row)
    budget = ledger.budget(row.scope)
    if ledger.rounds(row.id)[-1].round >= row.params["max_rounds"]:
        raise InvalidInput(
            f"all rounds of loop {row.id} are used up: `bridle loop extend {row.id} --rounds N`"
        )
    if row.late:
        raise InvalidInput(
            f"the deadline of loop {row.id} has passed: `bridle loop extend {row.id} --hours N`"
        )
    if budget is not None and budget.cap_usd is not None and budget.spent_usd >= budget.cap_usd:
        raise InvalidInput(f"the budget of loop {row.id} is spent: `bridle loop extend {row.id} --budget N`")
    if budget is not None and budget.cap_tokens is not None and budget.spent_tokens >= budget.cap_tokens:
        raise InvalidInput(
            f"all tokens of loop {row.id} are spent, {budget.spent_tokens:,} of {budget.cap_tokens:,}: "
            f"`bridle loop extend {row.id} --tokens N`"
        )
