"""A reached goal becomes one draft pull request."""

import logging
from typing import Any

from bridle.errors import BridleError, FenceLost
from bridle.harness.loop import LoopTerms, Turn, turn_of
from bridle.harness.publish import Publication, publish
from bridle.harness.result import StepResult
from bridle.harness.step import Step

log = logging.getLogger(__name__)

TITLE = 72
"""Characters of the goal in the pull request's title."""


def finish(step: Step, terms: LoopTerms, *, template: str) -> StepResult:
    """Publish what the loop came to, and close it.

    Raises:
        PolicyViolation, ReviewMismatch, CredentialError, EffectUncertain: the loop has failed; clearing the
            task tries again.
        ForgeDown: worth a retry; until it succeeds, the loop has failed.
    """
    turn = turn_of(step, terms)
    if turn.head == turn.loop.base_commit:
        step.ledger.set_loop_state(turn.loop.id, "done", turn.round.reason)
        return StepResult(commit=turn.head, base=turn.loop.base_commit, summary=turn.round.reason[:500])
    try:
        published = publish(step, turn.repository, _publication(turn, template))
    except FenceLost:
        raise  # a newer try is at it, and says how it went
    except BridleError as error:  # of a retry, `done` follows; of the last one, this is what is left
        step.ledger.set_loop_state(turn.loop.id, "failed", f"the goal is reached, but not published: {error}")
        raise
    step.ledger.set_loop_state(turn.loop.id, "done", turn.round.reason)
    log.info("loop %s is done: %s", turn.loop.id, published.result["url"])
    return published


def _publication(turn: Turn, template: str) -> Publication:
    one_line = " ".join(turn.loop.goal.split())
    rounds: list[dict[str, Any]] = [
        {"number": row.round, "why": row.decision.get("why", ""), "delivered": row.delivered}
        for row in [*turn.earlier(), turn.round]
        if row.round > 0
    ]
    return Publication(
        commit=turn.head,
        base=turn.loop.base_commit,
        branch=turn.loop.branch,
        target=turn.terms.base or turn.repository.base,
        draft=True,
        needs_approval=True,
        template=template,
        earlier=tuple(row.run_id for row in turn.earlier()),
        inputs={
            "goal": turn.loop.goal,
            "goal_line": one_line if len(one_line) <= TITLE else f"{one_line[: TITLE - 1]}…",
            "rounds": rounds,
        },
    )
