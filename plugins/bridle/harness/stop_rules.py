"""Whether a loop goes on after a round: rules over the rows of its rounds, without a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bridle.ledger.loops import COUNTED_FROM, LoopRow, RoundRow, Verdict
from bridle.ledger.records import BudgetRow


@dataclass(frozen=True)
class Decision:
    """What follows a round."""

    verdict: Verdict
    reason: str
    doubts: tuple[str, ...] = ()
    """What a person may want to look at."""


def decide(loop: LoopRow, rounds: Sequence[RoundRow], budget: BudgetRow | None) -> Decision:
    """What follows the last of `rounds`.

    Args:
        loop: says how many rounds there may be, how long it may take, and how patient to be.
        rounds: all of the loop's, round 0 first; the criteria of the last one are known.
        budget: of the loop; None: it has none.
    """
    last = rounds[-1]
    doubts = tuple(_doubts(last))
    if is_done(loop, rounds):
        return Decision("done", _done(loop, last), doubts)
    # a person who lets a stopped loop go on has seen what came before
    counted = [row for row in rounds if row.round >= loop.params.get(COUNTED_FROM, 0)]
    for rule in (_budget(loop, last, budget), _deadline(loop), _rounds(loop, last)):
        if rule:
            return Decision("stop", rule, doubts)
    for rule in (_flapping(counted), _no_progress(counted, loop.params.get("patience", 3))):
        if rule:
            return Decision("stop", rule, doubts)
    return Decision("next", _open(last), doubts)


def is_done(loop: LoopRow, rounds: Sequence[RoundRow]) -> bool:
    """Whether the criteria hold; those that held at the start need the orchestrator's word too."""
    last = rounds[-1]
    if not last.checks or not all(check["passed"] for check in last.checks):
        return False
    start = rounds[0].checks if rounds[0].round == 0 else []
    held = bool(start) and all(check["passed"] for check in start)
    return not held or bool(last.decision.get("done"))


def _done(loop: LoopRow, last: RoundRow) -> str:
    names = ", ".join(check["name"] for check in last.checks)
    if last.head_commit == loop.base_commit:
        return f"done_when holds ({names}) without a change: there is nothing to publish"
    return f"done_when holds ({names}) after {last.round} rounds"


def _open(last: RoundRow) -> str:
    failing = [check["name"] for check in last.checks if not check["passed"]]
    return (
        f"not there yet: {', '.join(failing)}"
        if failing
        else "done_when holds, but the orchestrator has more to do"
    )


def _budget(loop: LoopRow, last: RoundRow, budget: BudgetRow | None) -> str | None:
    """A cap is spent, or what is left of it was too little for a worker's next call."""
    if budget is None:
        return None
    refusal = f"budget of {loop.scope} is spent: of "
    refused = [item["why"].partition(refusal)[2] for item in last.delivered if refusal in item["why"]]
    spent, more = [], []
    if budget.cap_usd is not None and (
        budget.spent_usd >= budget.cap_usd or any(cap.startswith("$") for cap in refused)
    ):
        spent.append(f"${budget.spent_usd:.4f} of ${budget.cap_usd:.4f}")
        more.append("--budget N")
    if budget.cap_tokens is not None and (
        budget.spent_tokens >= budget.cap_tokens or any(not cap.startswith("$") for cap in refused)
    ):
        spent.append(f"{budget.spent_tokens:,} of {budget.cap_tokens:,} tokens")
        more.append("--tokens N")
    if not spent:
        return None
    extend = f"`bridle loop extend {loop.id} {' '.join(more)}`"
    return f"budget: {' and '.join(spent)} are spent. {extend} and `bridle loop resume {loop.id}` go on"


def _deadline(loop: LoopRow) -> str | None:
    if not loop.late:
        return None
    at = f"{loop.deadline:%Y-%m-%d %H:%M:%S %Z}"
    return f"deadline: it was {at}. `bridle loop extend {loop.id} --hours N` moves it"


def _rounds(loop: LoopRow, last: RoundRow) -> str | None:
    most = int(loop.params.get("max_rounds", 10))
    if last.round < most:
        return None
    return (
        f"rounds: {most} are used up, and {_open(last)}. `bridle loop extend {loop.id} --rounds N` and "
        f"`bridle loop resume {loop.id}` go on"
    )


def _no_progress(rounds: Sequence[RoundRow], patience: int) -> str | None:
    """The last `patience` rounds merged nothing, or left the failures that were there before them."""
    played = [row for row in rounds if row.round > 0]
    if len(played) < patience:
        return None
    tail = played[-patience:]
    if all(row.head_commit in ("", row.base_commit) for row in tail):
        return f"no progress: {patience} rounds in a row changed nothing (last: {_why_empty(tail[-1])})"
    alike = [*rounds][-(patience + 1) :]
    left = {_failures(row) for row in alike}
    if len(alike) > patience and len(left) == 1 and left != {()}:
        return f"no progress: {patience} rounds in a row left the same failures: {_named(tail[-1])}"
    return None


def _flapping(rounds: Sequence[RoundRow]) -> str | None:
    """A test that was seen to pass, then to fail, then to pass again: rounds undo each other."""
    names = sorted({name for row in rounds for check in row.checks for name in _keys(check, "failing")})
    for name in names:
        seen = [(row.round, state) for row in rounds if (state := _state(row, name))]
        turns = [next(group) for _, group in groupby(seen, key=lambda item: item[1])]
        for first, second, third in zip(turns, turns[1:], turns[2:], strict=False):
            if first[1] == "pass" and second[1] == "fail" and third[1] == "pass":
                at = f"{first[0]}, {second[0]} and {third[0]}"
                return f"flapping: {name} goes pass, fail, pass in rounds {at}; a person should look"
    return None


def _state(row: RoundRow, name: str) -> str:
    for check in row.checks:
        if name in _keys(check, "failing"):
            return "fail"
        if name in _keys(check, "passing"):
            return "pass"
    return ""


def _keys(check: dict[str, Any], kind: str) -> list[str]:
    """Names of a criterion's tests; of one that names none, its own."""
    names = check.get(kind) or []
    if not (check.get("failing") or check.get("passing")):
        names = [check["name"]] if check["passed"] == (kind == "passing") else []
    return [f"{check['name']}: {name}" if name != check["name"] else name for name in names]


def _failures(row: RoundRow) -> tuple[tuple[str, str], ...]:
    return tuple(
        (check["name"], ", ".join(check.get("failing") or [check.get("fingerprint", "")]))
        for check in row.checks
        if not check["passed"]
    )


def _named(row: RoundRow) -> str:
    names = [name for check in row.checks for name in _keys(check, "failing")]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _why_empty(row: RoundRow) -> str:
    if not row.dispatched:
        return "the orchestrator says done" if row.decision.get("done") else "the orchestrator gave no task"
    return "; ".join(f"{item['title']}: {item['status']}" for item in row.delivered) or "no worker delivered"


def _doubts(row: RoundRow) -> list[str]:
    doubts = [
        f"{item['title']}: {item['status']}, {item['why']}"
        for item in row.delivered
        if item["status"] != "merged"
    ]
    if row.decision.get("done") and any(not check["passed"] for check in row.checks):
        doubts.append("the orchestrator says done, the criteria do not")
    doubts += [f"{check['name']}: {check['doubt']}" for check in row.checks if check.get("doubt")]
    return doubts
