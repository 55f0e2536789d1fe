"""What came out of the work on one task of a spec, and why, when it is nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridle.errors import SessionFailed
from bridle.harness.step import Step
from bridle.ledger.queries import CallRow, Queries


@dataclass(frozen=True)
class Lane:
    """What came out of the work on one task."""

    group: str
    """The task group that worked on it, to find its sessions by."""
    commit: str | None
    base: str | None
    undecided: bool


class NotTried(Exception):
    """The task was not really tried: a key, a provider, a budget or a person was in the way."""


def why_nothing(step: Step, group: str) -> SessionFailed | NotTried:
    """Why a lane came to nothing, out of its last session and check."""
    key = step.attempt.step
    with Queries.of(step.ledger) as queries:
        rows = [
            row for row in queries.run(key.dag_id, key.run_id) if row.step.task_id.startswith(f"{group}.")
        ]
        for row in reversed(rows):
            name = row.step.task_id
            last = row.sessions[-1] if row.sessions else None
            if last is not None and last.outcome != "done":
                tried = was_tried(last.outcome, queries.calls(last.id))
                return (SessionFailed if tried else NotTried)(f"{name}: {last.outcome}: {last.reason}")
            if row.checks and row.checks[-1].exit_code != 0:
                return SessionFailed(f"{name}: check {row.checks[-1].name!r} fails:\n{row.checks[-1].tail}")
            if last is not None and row.checks and last.commit is None:
                return SessionFailed(f"{name}: the session ended without changing a file")
    return NotTried(f"no step of {group} came to a reviewed commit; its log says why")


def was_tried(outcome: str | None, calls: Sequence[CallRow]) -> bool:
    """Whether a session that was not done says something about its task.

    One that was stopped or lost does not, nor one without a call that was answered (no key, a spent budget),
    nor one that failed because its provider did.
    """
    if outcome in {None, "stopped", "lost"} or not any(call.status == "ok" for call in calls):
        return False
    return outcome != "failed" or calls[-1].status == "ok" or calls[-1].http_status == 400
