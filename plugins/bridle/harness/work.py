"""Rounds of fresh sessions against a check, until it passes; resumable at any point.

Rounds are counted in the ledger, across attempts: finished sessions and checks are kept, an interrupted
session goes on from its last checkpoint.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bridle.config.repositories import Repository
from bridle.errors import SessionFailed
from bridle.harness.bench import Bench
from bridle.harness.chain import run_session
from bridle.harness.check import Verdict, require_command, run_check
from bridle.harness.place import RESUMABLE, Place, find_place, unchecked
from bridle.harness.reference import shrink
from bridle.harness.result import StepResult
from bridle.harness.session import Assignment, Report
from bridle.harness.step import Step


@dataclass(frozen=True)
class Work:
    """What a step wants done."""

    assignment: Callable[[int, str], Assignment]
    """Round and tail of the last failure (empty in round 1) to what the session is asked."""
    repository: Repository | None = None
    base: str = ""
    """Commit or branch to start from."""
    check: str | None = None
    """Name of the check in repositories.yaml; None: the session's own end is the end."""
    max_rounds: int = 1
    must_change: bool = False
    """A step that leaves no change has failed, whatever its agent says."""


def work(step: Step, wanted: Work) -> StepResult:
    """Do `wanted` and return the step's result.

    Raises:
        SessionFailed: the agent failed, the check fails after the last round, or a round made no progress.
        BudgetSpent: a cap is reached; the work so far is a checkpoint that a cleared task goes on from.
        StopRequested: somebody asked for it.
        SessionLost, ProviderDown: Airflow's retry goes on from the checkpoint.
    """
    bench = Bench(step, wanted.repository)
    if wanted.check is not None and wanted.repository is not None:
        require_command(wanted.repository, wanted.check)
    base, place = _beginning(bench, wanted)
    place, report, verdict = until_passed(wanted, base, place, partial(_round, bench, wanted))
    return _result(step, base, place, report, verdict)


def until_passed(
    wanted: Work, base: str, place: Place, one: Callable[[Place], tuple[Report, Verdict | None]]
) -> tuple[Place, Report, Verdict | None]:
    """Rounds from `place` on, until one passes: the rule alone, whoever does them.

    Args:
        wanted: says how many rounds there may be, and whether something must change.
        base: commit that the step starts from.
        place: of the first round.
        one: does a round; without a verdict nothing is asked of it.

    Returns:
        The place of the last round, and what came of it.

    Raises:
        SessionFailed: the last round fails, one made no progress, or nothing has changed in the end.
    """
    while True:
        report, verdict = one(place)
        if verdict is None or verdict.passed:
            if wanted.must_change and (report.commit or place.base) == base:
                raise SessionFailed(
                    "the session ended without changing a file, so there is nothing to go on with"
                )
            return place, report, verdict
        _require_progress(wanted, place, report, verdict)
        place = place.next_round(report.commit or place.base, verdict.tail)


def _beginning(bench: Bench, wanted: Work) -> tuple[str, Place]:
    """The commit that the step starts from, and where in it to go on."""
    step = bench.step
    base = bench.resolve(wanted.base)
    state = step.ledger.step_state(step.attempt.step, step.attempt.generation)
    cleared = False
    if not state.sessions and state.previous is not None:
        before = step.ledger.step_state(step.attempt.step, state.previous.attempt.generation)
        checked = wanted.check is not None and wanted.repository is not None
        cleared = state.previous.outcome in RESUMABLE or (checked and unchecked(before))
        state = before if cleared else state
    began = state.sessions[0].base_commit if state.sessions else None
    if began and began != base:
        branch_moved = base != wanted.base
        if cleared or not branch_moved:
            # on the old base, the patch would take back what others have done since
            return base, Place(round=1, base=base)
        base = began
    return base, find_place(state, base)


def _round(bench: Bench, wanted: Work, place: Place) -> tuple[Report, Verdict | None]:
    if place.finished is not None:
        report = Report.of(place.finished)
    else:
        bench.step.verify()
        assignment = wanted.assignment(place.round, place.feedback)
        report = run_session(
            bench, assignment, round=place.round, base=place.base, interrupted=place.interrupted
        )
    if wanted.check is None or bench.repository is None:
        return report, None
    if place.verdict is not None:
        return report, Verdict.of(place.verdict)
    bench.step.verify()
    return report, run_check(
        bench,
        bench.repository,
        wanted.check,
        commit=report.commit or place.base,
        round=place.round,
        session_id=report.session_id,
    )


def _require_progress(wanted: Work, place: Place, report: Report, verdict: Verdict) -> None:
    """Stop early rather than pay for the same failure again."""
    if place.round >= wanted.max_rounds:
        raise SessionFailed(
            f"check {verdict.name!r} still fails after {place.round} rounds; the last commit is "
            f"{(report.commit or place.base)[:10]}. The end of its output:\n{verdict.tail}"
        )
    if place.round > 1 and report.commit is None:
        raise SessionFailed(
            f"no progress: round {place.round} changed nothing and check {verdict.name!r} fails as before. "
            f"A person should look; clearing the task starts anew. The end of its output:\n{verdict.tail}"
        )


def _result(step: Step, base: str, place: Place, report: Report, verdict: Verdict | None) -> StepResult:
    totals = step.ledger.session_totals(step.attempt.step.scope)
    return StepResult(
        session_id=report.session_id,
        commit=report.commit or place.base or None,
        base=base or None,
        summary=report.summary,
        result=shrink(report.output, step.ledger, name=f"{step.attempt.step.task_id}.result"),
        checks={} if verdict is None else {verdict.name: verdict.passed},
        tokens=totals.usage.input_tokens + totals.usage.output_tokens,
        cost_usd=totals.cost_usd,
        rounds=place.round,
    )
