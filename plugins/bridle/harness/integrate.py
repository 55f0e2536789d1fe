"""The workers' commits become one: merged in order, conflicts settled in a session, the rest reported."""

import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from bridle.errors import BudgetSpent, InvalidInput, PolicyViolation, SessionFailed
from bridle.guard.sanitize import fence_untrusted
from bridle.harness.chain import run_session
from bridle.harness.loop import LoopTerms, Turn, turn_of
from bridle.harness.result import StepResult
from bridle.harness.session import Assignment
from bridle.harness.step import Step
from bridle.harness.template import uncalled
from bridle.ledger.queries import Queries, StepRow
from bridle.workspace.merge import Conflict, merge, unsettled

log = logging.getLogger(__name__)

MERGED, CONFLICT, FAILED, NOTHING = "merged", "conflict", "failed", "changed nothing"


@dataclass(frozen=True)
class Delivery:
    """What became of one task."""

    title: str
    status: str
    """`merged`, `conflict`, `failed` or `changed nothing`."""
    why: str = ""
    commit: str = ""
    """The worker's own; it stays, whatever becomes of it."""
    session: str = ""


def integrate(
    step: Step, terms: LoopTerms, *, workers: str, succeeded: Collection[int], role: str, prompt: str
) -> StepResult:
    """Merge what the round's workers made; what fails or conflicts is left out and reported.

    Args:
        step: the integrating step.
        terms: of the loop.
        workers: task id of the mapped workers.
        succeeded: map indexes of those whose newest try succeeded. The ledger cannot tell: a worker that was
            cleared, and then failed before its session began, has nothing there but its earlier work.
        role: settles conflicts.
        prompt: of a conflict's session.

    Raises:
        SessionFailed: the round has no orders.
        StopRequested, FenceLost: see `bridle.errors`.
        SessionLost, ProviderDown: a retry goes on with the conflict that was being settled.
    """
    turn = turn_of(step, terms)
    step.ledger.reopen_round(turn.round)
    if not turn.round.decision:
        raise SessionFailed(
            f"round {turn.round.round} has no orders; see the log of the step before the workers"
        )
    made = _made(turn, workers, succeeded)
    settler = _Settler(turn, role, prompt)
    candidates = [delivery.commit for delivery in made if delivery.status == MERGED]
    titles = {delivery.commit: delivery.title for delivery in made}
    result = merge(
        turn.bench.mirror,
        turn.bench.workspace.carrier,
        turn.round.base_commit,
        list(dict.fromkeys(candidates)),
        message=lambda commit: f"Merge: {uncalled(step.ledger.redactor.text(titles[commit])[:72])}",
        resolve=settler.settle,
    )
    conflicts = {conflict.commit: conflict for conflict in result.conflicts}
    delivered = [
        replace(delivery, status=CONFLICT, why=settler.why_not(conflicts[delivery.commit]))
        if delivery.commit in conflicts
        else delivery
        for delivery in made
    ]
    step.verify()
    step.ledger.note_round(turn.round, delivered=[asdict(item) for item in delivered], head=result.commit)
    counts = {
        status: sum(item.status == status for item in delivered)
        for status in (MERGED, CONFLICT, FAILED, NOTHING)
    }
    summary = (
        ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "nothing to merge"
    )
    log.info("%s: %s", summary, result.commit)
    return StepResult(
        commit=result.commit, base=turn.round.base_commit, summary=summary, rounds=turn.round.round
    )


def _made(turn: Turn, workers: str, succeeded: Collection[int]) -> list[Delivery]:
    """What the ledger has of each worker of this round."""
    key = turn.step.attempt.step
    with Queries.of(turn.step.ledger) as queries:
        rows = {
            row.step.map_index: row
            for row in queries.run(key.dag_id, key.run_id)
            if row.step.task_id == workers and row.sessions
        }
    return [
        _delivery(str(task["title"]), rows.get(index), turn, succeeded=index in succeeded)
        for index, task in enumerate(turn.round.dispatched)
    ]


def _delivery(title: str, row: StepRow | None, turn: Turn, *, succeeded: bool) -> Delivery:
    if row is None:
        return Delivery(title, FAILED, "no session began")
    last = row.sessions[-1]
    commit = last.commit or last.base_commit or ""
    session = str(last.id)
    if last.outcome != "done":
        return Delivery(
            title, FAILED, f"{last.outcome or 'still open'}: {last.reason}"[:300], commit, session
        )
    if commit in ("", turn.round.base_commit):
        return Delivery(title, NOTHING, "", "", session)
    check = next((check for check in reversed(row.checks) if check.session_id == last.id), None)
    if turn.terms.worker_check and (check is None or check.exit_code != 0):
        said = " ".join(check.tail.split())[-200:] if check else "it did not run"
        return Delivery(title, FAILED, f"check {turn.terms.worker_check}: {said}", commit, session)
    if not succeeded:
        return Delivery(title, FAILED, "its newest try failed; its log says why", commit, session)
    return Delivery(title, MERGED, "", commit, session)


class _Settler:
    """Settles conflicts, each in a session of its own."""

    def __init__(self, turn: Turn, role: str, prompt: str) -> None:
        self._turn = turn
        self._role = role
        self._prompt = prompt
        self._number = 0
        attempt = turn.step.attempt
        self._before = turn.step.ledger.step_state(attempt.step, attempt.generation).sessions
        self._why: dict[str, str] = {}

    def why_not(self, conflict: Conflict) -> str:
        return f"{', '.join(conflict.files)}: {self._why.get(conflict.commit, 'not settled')}"[:400]

    def settle(self, conflict: Conflict) -> str | None:
        self._number += 1
        try:
            commit = self._session(conflict)
        except (SessionFailed, BudgetSpent, PolicyViolation, InvalidInput) as error:
            self._why[conflict.commit] = f"the session that should settle it failed: {error}"[:300]
            log.warning("%s", self._why[conflict.commit])
            return None
        if commit is None:
            self._why[conflict.commit] = "the session that should settle it changed nothing"
            return None
        if left := unsettled(self._turn.bench.mirror, conflict, commit):
            self._why[conflict.commit] = f"conflict markers are left in {', '.join(left)}"
            return None
        return commit

    def _session(self, conflict: Conflict) -> str | None:
        mine = [row for row in self._before if row.base_commit == conflict.draft]
        if mine and mine[-1].outcome == "done":
            return mine[-1].commit
        turn = self._turn
        turn.step.verify()
        role = turn.step.role(self._role)
        seen = {
            "goal": turn.loop.goal,
            "files": list(conflict.files),
            "conflict": fence_untrusted("conflict", turn.step.ledger.redactor.text(conflict.text)),
        }
        assignment = Assignment(
            role_name=self._role,
            role=role,
            limits=role.limits,
            access="write",
            prompt=turn.step.prompt(self._prompt, seen),
        )
        interrupted = mine[-1] if mine else None
        return run_session(
            turn.bench, assignment, round=self._number, base=conflict.draft, interrupted=interrupted
        ).commit
