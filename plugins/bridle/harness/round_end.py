"""The end of a round: the criteria, what a human says, and what follows."""

import logging
from dataclasses import dataclass
from typing import Any

from bridle.errors import GoalMissed, SessionFailed
from bridle.harness.criteria import check_criteria, judge
from bridle.harness.evidence import dollars
from bridle.harness.loop import LoopTerms, Turn, place_of, turn_of
from bridle.harness.reference import shrink
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.harness.stop_rules import decide
from bridle.ledger.queries import Queries
from bridle.ledger.records import ReviewRow
from bridle.ledger.reviews import APPROVE, REJECT

log = logging.getLogger(__name__)

POLICY = "policy"
REPLAYED = "a recording is of one round; `bridle loop resume` goes on with real models"


class RoundResult(StepResult):
    """What the criteria of a round came to."""

    ask: bool = False
    """Whether a human is to look at the round."""


@dataclass(frozen=True)
class NextRound:
    """The run that a round is followed by."""

    run_id: str
    conf: dict[str, Any]


def judge_round(step: Step, terms: LoopTerms, *, role: str, prompt: str) -> RoundResult:
    """Run the criteria on what the round came to, and decide by rules what follows.

    Raises:
        BudgetSpent, SessionFailed: only where a rubric is judged.
    """
    turn = turn_of(step, terms)
    step.ledger.reopen_round(turn.round)
    checks = check_criteria(turn, turn.head)
    if terms.rubric and all(check.passed for check in checks):
        checks.append(judge(turn, turn.head, role=role, prompt=prompt))
    row = step.ledger.note_round(turn.round, checks=[check.model_dump(mode="json") for check in checks])
    loop = step.ledger.loop(turn.loop.id)
    decision = decide(loop, [*turn.earlier(), row], step.ledger.budget(loop.scope))
    row = step.ledger.note_round(row, verdict=decision.verdict, reason=decision.reason)
    step.ledger.decide(
        step.attempt,
        what="after the round",
        options=["next", "done", "stop"],
        choice=decision.verdict,
        why=decision.reason,
        confidence=None,
        by="rule",
    )
    review = terms.human_review
    ask = review == "each round" or (review == "on doubt" and bool(decision.doubts))
    log.info("%s: %s", decision.verdict, decision.reason)
    report = _report(turn, decision.verdict, decision.reason, decision.doubts)
    return RoundResult(
        commit=turn.head,
        base=loop.base_commit,
        summary=f"{decision.verdict}: {decision.reason}"[:500],
        result=shrink(report, step.ledger, name=f"round {turn.round.round}"),
        checks={check.name: check.passed for check in checks},
        rounds=turn.round.round,
        ask=ask and decision.verdict != "stop",
    )


def end_round(step: Step, terms: LoopTerms, *, review: str) -> NextRound | None:
    """Close the round and say which run follows; None: none, the round's commit is to be published.

    Args:
        step: the step that ends the round.
        terms: of the loop.
        review: task id of the human's review.

    Raises:
        GoalMissed: a stop rule ended the loop.
        SessionFailed: a step of the round failed, and with it the loop.
    """
    _require_begun(step)
    turn = turn_of(step, terms)
    if (begun := _begun_after(turn)) is not None:
        return begun
    answer = _answer(turn, review)
    if answer is not None and answer.by != POLICY:
        said = {"choice": answer.decision, "by": answer.by, "feedback": answer.feedback}
        step.ledger.note_round(turn.round, answer=said)
    row = turn.round
    if not row.verdict or answer is None:
        _close(turn, "stop", reason := _why_broken(turn, review))
        if turn.loop.state in ("running", "failed"):  # else a person halted it, and said so
            step.ledger.set_loop_state(turn.loop.id, _state_of_a_broken_loop(turn), reason)
        raise SessionFailed(f"loop {turn.loop.id}, round {row.round}: {reason}")
    if answer.decision == REJECT and not answer.feedback.strip():
        _close(turn, "stop", reason := f"{answer.by} stopped it")
        step.ledger.set_loop_state(turn.loop.id, "stopped", reason)
        step.ledger.advance_loop(turn.loop.id, turn.head)
        return None
    verdict, reason = row.verdict, row.reason
    if answer.decision == REJECT and verdict != "stop":
        verdict, reason = "next", f"{answer.by} asks for more"
    step.ledger.advance_loop(turn.loop.id, turn.head)
    if verdict == "stop":
        _close(turn, "stop", reason)
        step.ledger.set_loop_state(turn.loop.id, "stopped", reason)
        raise GoalMissed(f"loop {turn.loop.id} stopped after round {row.round}. {reason}")
    _close(turn, "done" if verdict == "done" else "next", reason)
    if verdict == "done":
        return None
    loop = step.ledger.loop(turn.loop.id)
    if step.settings.gateway_mode == "replay":  # further rounds are in no recording, and would be paid for
        step.ledger.set_loop_state(loop.id, "paused", REPLAYED)
        return None
    if loop.state == "failed":  # somebody has cleared the task that failed
        step.ledger.set_loop_state(loop.id, "running")
    elif loop.state != "running":
        log.info("loop %s is %s: no further round is begun", loop.id, loop.state)
        return None
    return NextRound(loop.run_id(row.round + 1), loop.conf(row.round + 1))


def _begun_after(turn: Turn) -> NextRound | None:
    """The round that already follows; somebody has cleared a task of this one, and must not turn it back."""
    loop, number = turn.loop, turn.round.round
    after = next((row for row in turn.step.ledger.rounds(loop.id) if row.round > number), None)
    if after is None:
        return None
    log.warning(
        "loop %s went on from round %d with %s: what round %d makes now is not taken up; clear the newest "
        "round instead",
        *(loop.id, number, after.run_id, number),
    )
    return NextRound(after.run_id, loop.conf(after.round))


def is_to_be_published(step: Step, terms: LoopTerms, *, review: str) -> bool:
    """Whether the criteria hold, and no human objects."""
    turn = turn_of(step, terms)
    answer = _answer(turn, review)
    return turn.round.verdict == "done" and answer is not None and answer.decision == APPROVE


def _require_begun(step: Step) -> None:
    """A round that could not even begin ends its loop; one that a person halted keeps the reason it has.

    Raises:
        SessionFailed: it did not begin.
    """
    loop_id, number = place_of(step)
    loop = step.ledger.loop(loop_id)
    if any(row.round == number for row in step.ledger.rounds(loop_id)):
        return
    reason = f"round {number} could not begin; the log of its first step says why"
    if loop.state == "running":
        step.ledger.set_loop_state(loop_id, "failed", reason)
    raise SessionFailed(f"loop {loop_id}: {loop.reason or reason}")


def _answer(turn: Turn, review: str) -> ReviewRow | None:
    """What the human, or policy, said last to this round; None while nobody has."""
    asked = turn.step.ledger.reviews_of_run(turn.step.attempt.step)
    answers = [row for row in asked if row.attempt.step.task_id == review and row.commit == turn.head]
    return answers[-1] if answers and answers[-1].decision else None


def _close(turn: Turn, verdict: Any, reason: str) -> None:
    totals = turn.step.ledger.session_totals(turn.step.attempt.step.run_scope)
    turn.step.ledger.close_round(
        turn.round, verdict=verdict, reason=reason, tokens=totals.usage.total, cost_usd=totals.cost_usd
    )


def _why_broken(turn: Turn, review: str) -> str:
    key = turn.step.attempt.step
    if turn.round.verdict:
        return f"{review} was not answered"
    with Queries.of(turn.step.ledger) as queries:
        sessions = queries.sessions(key.dag_id, key.run_id)
    bad = [row for row in sessions if row.outcome not in ("done", None)]
    if not bad:
        return "a step failed before the criteria were known; its log says why"
    return f"{bad[0].attempt.step.task_id} ended with {bad[0].outcome}: {bad[0].reason}"


def _state_of_a_broken_loop(turn: Turn) -> Any:
    """`stopped` where a limit or a person did it, else `failed`."""
    budget = turn.step.ledger.budget(turn.loop.scope)
    if budget is not None and budget.stopped_by:
        return "stopped"
    return "stopped" if turn.loop.scope in _why_broken(turn, "") else "failed"


def _report(turn: Turn, verdict: str, reason: str, doubts: tuple[str, ...]) -> dict[str, Any]:
    """What a human is shown of the round."""
    row = turn.step.ledger.round(turn.loop.id, turn.round.round)
    spent = turn.step.ledger.session_totals(turn.loop.scope)
    return {
        "round": f"{row.round} of at most {turn.loop.params['max_rounds']}",
        "decided": row.decision.get("why", ""),
        "done": [item["title"] for item in row.delivered if item["status"] == "merged"],
        "left_out": [
            f"{item['title']}: {item['status']} {item['why']}"[:200]
            for item in row.delivered
            if item["status"] != "merged"
        ],
        "postponed": [title for title, _ in row.decision.get("postponed", [])],
        "criteria": [
            f"{check['name']} {'holds' if check['passed'] else 'does not hold'}" for check in row.checks
        ],
        "doubts": list(doubts),
        "spent_by_the_loop": f"{dollars(spent.cost_usd)} US dollars, {spent.usage.total:,} tokens",
        "next": f"{verdict}: {reason}",
    }
