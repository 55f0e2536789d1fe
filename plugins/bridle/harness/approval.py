"""Asking a human, and what the answer is bound to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.errors import ReviewMismatch
from bridle.guard.sanitize import sanitize
from bridle.harness.evidence import Check, Evidence
from bridle.harness.reference import expand
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.ledger.reviews import APPROVE, DIFF, REJECT, TEXT, WITHDRAWN, about
from bridle.workspace.patch import Patch

DIFF_CHARACTERS = 8_000
"""How long a patch may be to be shown with the question itself."""

POLICY = "policy"
"""Who decided, where nobody was asked."""

FACT_BYTES = 600
"""How much of one fact is shown; an agent wrote most of them."""


@dataclass(frozen=True)
class Asked:
    """What to put to a human."""

    text: str
    """Shown with the question; Markdown."""
    about: str
    """What the answer is for; has to come back with it."""


def ask(
    step: Step, *, subject: str, commit: str | None, inputs: Mapping[str, Any], patch: Patch | None = None
) -> Asked:
    """Record what is asked and shown.

    Airflow 3.3 goes on showing the first text of a task instance when it is cleared and asks anew
    (https://github.com/apache/airflow/pull/73235). So the text is kept in the ledger too, for the
    dashboard, and an answer says what it is for.

    Args:
        step: the asking step.
        subject: the question in one line.
        commit: what an approval is for.
        inputs: facts to show, by name.
        patch: what the commit changes; kept in the ledger, and shown when it is short.
    """
    shown = {name: expand(value, step.ledger) for name, value in inputs.items()}
    text = step.ledger.redactor.text(_text(step, commit, shown, patch))
    review_id = step.ledger.open_review(
        step.attempt,
        subject=subject,
        commit=commit or "",
        patch_hash="" if patch is None else patch.hash,
        snapshot=shown
        | _kept(step, patch)
        | {TEXT: step.ledger.put_artifact(text, "text/markdown", "question")},
    )
    review = step.ledger.review(review_id)
    assert review is not None  # noqa: S101 (it was written just now)
    return Asked(text, about(review))


def _text(step: Step, commit: str | None, shown: Mapping[str, Any], patch: Patch | None) -> str:
    evidence = Evidence.of_run(step)
    lines = [f"Commit `{commit[:10]}`" if commit else ""]
    lines += [_check(check) for check in evidence.checks if check.commit == commit]
    lines += [facts(shown), f"Spent so far in this run: {evidence.total.cost} US dollars"]
    if patch is not None:
        lines.append(_diff(patch))
    lines.append(f"More: `bridle show {step.attempt.step.run_id}`")
    return "\n\n".join(line for line in lines if line)


def answered(step: Step) -> StepResult | None:
    """The answer that an earlier try of this task was given already; a retry must not ask again."""
    review = step.ledger.latest_review(step.attempt)
    if review is None or review.decision in (None, WITHDRAWN):
        return None
    return _result(review.decision, review.commit or None, review.by or "", review.feedback or "")


def record_answer(
    step: Step, *, commit: str | None, approved: bool, by: str, feedback: str, answers: str | None = None
) -> StepResult:
    """Write the answer down.

    Args:
        step: the asking step.
        commit: what the approval is for.
        approved: what was answered.
        by: whose name stands for it.
        feedback: what should be different.
        answers: `Asked.about` of the question that was shown; None: whatever is asked now.

    Raises:
        ReviewMismatch: the commit is not the one that the question was about, or it was another question
            that was shown.
    """
    review = step.ledger.latest_review(step.attempt)
    if review is None or review.commit != (commit or ""):
        asked = "nothing" if review is None else str(review.commit)[:10]
        raise ReviewMismatch(
            f"{step.attempt.step.path}: the answer is for {asked}, but the commit is now {str(commit)[:10]}. "
            f"Clear this task to ask again"
        )
    if answers and answers != about(review):
        raise ReviewMismatch(
            f"{step.attempt.step.path}: the answer is for {answers[:10]}, and what is asked now is about "
            f"{about(review)[:10]}: Airflow's own form shows the first question of a task, also when it was "
            "cleared and asks anew. Clear this task, and answer on Bridle's page of approvals, or with "
            "`bridle approve`"
        )
    decision = APPROVE if approved else REJECT
    who = by if ":" in by else f"human:{by}"
    step.ledger.answer_review(review.id, decision=decision, by=who, feedback=feedback)
    step.ledger.decide(
        step.attempt,
        what="approval",
        options=[APPROVE, REJECT],
        choice=decision,
        why=feedback,
        confidence=None,
        by=who,
    )
    return _result(decision, commit, who, feedback)


def pass_by_policy(step: Step, commit: str | None, why: str, *, patch: Patch | None = None) -> StepResult:
    """Go on without asking, and say in the ledger that it was policy's decision, and about what."""
    review_id = step.ledger.open_review(
        step.attempt,
        subject="nobody was asked",
        commit=commit or "",
        patch_hash="",
        snapshot=_kept(step, patch),
    )
    step.ledger.answer_review(review_id, decision=APPROVE, by=POLICY, feedback=why)
    step.ledger.decide(
        step.attempt,
        what="approval",
        options=[APPROVE, REJECT],
        choice=APPROVE,
        why=why,
        confidence=None,
        by=POLICY,
    )
    return StepResult(outcome=APPROVE, commit=commit, summary=why)


def _kept(step: Step, patch: Patch | None) -> dict[str, Any]:
    if patch is None:
        return {}
    return {DIFF: step.ledger.put_artifact(patch.text, "text/x-diff", f"{patch.head[:10]}.diff")}


def _result(decision: str, commit: str | None, by: str, feedback: str) -> StepResult:
    return StepResult(
        outcome=decision, commit=commit, summary=f"{decision} by {by}. {feedback}".strip()[:500]
    )


def _check(check: Check) -> str:
    return f"Check `{check.command}` {'passed' if check.passed else 'failed'} in {check.seconds:.1f} s"


def _diff(patch: Patch) -> str:
    if len(patch.text) > DIFF_CHARACTERS:
        return f"### Change: {patch.stat}\nToo long to be shown here; `bridle show` prints it."
    longest = max((len(run) for run in re.findall("`+", patch.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"### Change: {patch.stat}\n{fence}diff\n{patch.text.rstrip()}\n{fence}"


def facts(shown: Mapping[str, Any]) -> str:
    """Values by name, as Markdown; sanitised, for agents and strangers wrote most of them."""
    blocks = []
    for name, value in shown.items():
        if isinstance(value, Mapping):
            told = {key.replace("_", " "): item for key, item in value.items() if item not in (None, "", [])}
            rows = "\n".join(f"- **{key}**: {_one_line(item)}" for key, item in told.items())
            blocks.append(f"### {name.capitalize()}\n{rows}")
        elif value is not None:
            blocks.append(f"**{name}**: {_one_line(value)}")
    return "\n\n".join(blocks)


def _one_line(value: Any) -> str:
    return " ".join(sanitize(_said(value), max_bytes=FACT_BYTES).split())


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(item)}" for key, item in value.items() if item is not None)
    return "; ".join(map(_said, value)) if isinstance(value, list) else str(value)
