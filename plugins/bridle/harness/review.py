"""What reviews lead to: another round, or a settled commit."""

from collections.abc import Sequence
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


def settle(
    step: Step, commits: list[Any], reviews: list[Any], bases: list[Any], *, failed: Sequence[str] = ()
) -> Settled:
    """The last commit that was reviewed, with its review.

    Airflow keeps the XComs of a task that ran before a clear and is skipped after it; such a round is known
    by its base, which is not the commit of the round before.

    Args:
        failed: steps before this one that failed, for the message: the reason is in their logs.

    Raises:
        SessionFailed: no round came to a reviewed commit.
    """
    rounds: list[tuple[str, Any]] = []
    for commit, review, base in zip(commits, reviews, bases, strict=True):
        if not (commit and review) or (rounds and base != rounds[-1][0]):
            break
        rounds.append((commit, review))
    if not rounds:
        because = f", because {', '.join(failed)} failed; see there" if failed else ""
        raise SessionFailed(f"no round came to a reviewed commit{because}")
    commit, review = rounds[-1]
    judged = Review.model_validate(expand(review, step.ledger))
    return Settled(
        commit=commit,
        base=bases[0],
        summary=f"{judged.verdict}: {judged.summary}"[:500],
        result=shrink(judged.model_dump(), step.ledger, name="review"),
        rounds=len(rounds),
        undecided=asks_for_changes(judged),
    )
