"""What a run keeps whose last step never ran: a loop told as running, a spec for itself, an open question.

Marking a run in Airflow, or deleting it, ends its steps and skips those that would have put things in order.
"""

import logging

from bridle.harness.abandoned import RunState
from bridle.harness.routine import SPECS
from bridle.harness.step import Step
from bridle.ledger.loops import LoopRow, RoundRow
from bridle.ledger.queries import Queries
from bridle.ledger.records import StepKey
from bridle.ledger.tasks import OPEN, WORKING

log = logging.getLogger(__name__)

MOST = 1_000
"""Loops that are looked at, the newest."""


def close_loops(step: Step, run_state: RunState) -> int:
    """Close the loops that no run pursues any more, and the round that each was in; returns how many.

    Clearing the run, or `bridle loop resume`, lets one go on.
    """
    closed = 0
    for loop in step.ledger.loops(state="running", limit=MOST):
        rounds = step.ledger.rounds(loop.id)
        ended = _last_run(loop, rounds[-1], run_state) if rounds else None
        if ended is not None:
            _close(step, loop, rounds[-1], ended)
            closed += 1
    return closed


def release_specs(step: Step, run_state: RunState) -> int:
    """Let go of specs for runs that ended without doing so; returns how many."""
    released = 0
    for lease in step.ledger.leases(SPECS):
        dag_id, _, run_id = lease.holder.partition("/")
        if not _has_ended(run_state(dag_id, run_id)):
            continue
        spec = lease.key.removeprefix(SPECS)
        for row in step.ledger.spec_tasks(spec):
            if row.state == WORKING and (row.dag_id, row.run_id) == (dag_id, run_id):
                why = "the run ended before it was done"
                step.ledger.set_task(
                    spec, row.key, OPEN, run=StepKey(dag_id, run_id, "pick_tasks"), reason=why
                )
        step.ledger.release(lease)
        log.info("run %s has ended and still held %s", lease.holder, spec)
        released += 1
    return released


def withdraw_questions(step: Step, run_state: RunState) -> int:
    """Withdraw the questions of runs that ended before anybody answered; returns how many."""
    withdrawn = 0
    with Queries.of(step.ledger) as queries:
        waiting = queries.reviews(pending=True, limit=None)
    for review in waiting:
        asking = review.attempt.step
        if _has_ended(run_state(asking.dag_id, asking.run_id)):
            withdrawn += step.ledger.withdraw_review(review.id, "the run ended before anybody answered")
    return withdrawn


def _last_run(loop: LoopRow, last: RoundRow, run_state: RunState) -> str | None:
    """The run with which the loop ended; None: one is under way, or waits to begin."""
    runs, state = [last.run_id], run_state(loop.dag_id, last.run_id)
    while _has_ended(state):
        # a run that is to be the next round opens it with its first step: the ledger may not know it yet
        following = loop.run_id(last.round + 1, taken=runs)
        state = run_state(loop.dag_id, following)
        if state is None:
            return runs[-1]
        runs.append(following)
    return None


def _close(step: Step, loop: LoopRow, last: RoundRow, run_id: str) -> None:
    why = (
        f"run {run_id} ended before a step of it had closed its round: somebody marked or deleted it, or its "
        f"time was up. To go on, clear it, or `bridle loop resume {loop.id}`"
    )
    if last.closed_at is None:
        spent = step.ledger.session_totals(f"run:{loop.dag_id}/{last.run_id}")
        step.ledger.close_round(
            last, verdict="stop", reason=why, tokens=spent.usage.total, cost_usd=spent.cost_usd
        )
    step.ledger.set_loop_state(loop.id, "failed", why)
    log.info("loop %s: %s", loop.id, why)


def _has_ended(state: str | None) -> bool:
    return state in ("success", "failed", None)
