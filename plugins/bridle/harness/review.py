"""What reviews lead to: another round, or a settled commit."""

from typing import Any

from bridle.errors import SessionFailed
from bridle.harness.reference import expand, shrink
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.models import Review


class Settled(StepResult):
    """What rounds of implementing and reviewing came to."""

    undecided: bool = False
    """True when the last review still asks for changes: a human has to decide."""


def decide_another_round(step: Step, review: Any) -> bool:
    """Whether the review has a finding that must be fixed; the decision is recorded."""
    judged = Review.model_validate(expand(review, step.ledger))
    again = asks_for_changes(judged)
    step.ledger.decide(
        step.attempt,
        what="another round",
        options=["yes", "no"],
        choice="yes" if again else "no",
        why=judged.summary,
        confidence=None,
        by="rule",
    )
    return again


def asks_for_changes(review: Review) -> bool:
    """A verdict of `changes`, or any blocking finding whatever the verdict says."""
    return review.verdict == "changes" or any(finding.severity == "blocking" for finding in review.findings)


def settle(step: Step, commits: list[Any], reviews: list[Any], base: Any) -> Settled:
    """The last commit with the review of exactly that commit.

    Raises:
        SessionFailed: no round came to a commit.
    """
    rounds = [(commit, review) for commit, review in zip(commits, reviews, strict=True) if commit and review]
    if not rounds:
        raise SessionFailed("no round came to a reviewed commit")
    commit, review = rounds[-1]
    judged = Review.model_validate(expand(review, step.ledger))
    return Settled(
        commit=commit,
        base=base,
        summary=f"{judged.verdict}: {judged.summary}"[:500],
        result=shrink(judged.model_dump(), step.ledger, name="review"),
        rounds=len(rounds),
        undecided=asks_for_changes(judged),
    )
