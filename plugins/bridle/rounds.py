"""Bounded rounds, laid out in a DAG before it runs.

Airflow 3.3 has no loop, so rounds are unrolled: the tail of rounds that were not needed shows as skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow.sdk import TaskGroup, XComArg
from airflow.sdk.bases.operator import BaseOperator

from bridle.models import Review
from bridle.operators.converge import AnotherRoundOperator, FirstResultOperator, SettleOperator
from bridle.operators.session import AgentSessionOperator
from bridle.sensors.approval import HumanApprovalSensor


@dataclass(frozen=True)
class Rounds:
    """Rounds of implementing and reviewing, as one thing in a DAG."""

    group: TaskGroup
    settled: SettleOperator
    """The last task; pushes `commit`, `base`, `summary`, `result` (the last review) and `rounds`."""
    brief: FirstResultOperator
    """The first task; pushes as `result` what was asked for."""

    @property
    def commit(self) -> Any:
        """The commit that the rounds came to."""
        return _of(self.settled, "commit")

    @property
    def base(self) -> Any:
        """The commit that they started from."""
        return _of(self.settled, "base")

    @property
    def review(self) -> Any:
        """The last review."""
        return _of(self.settled, "result")

    @property
    def undecided(self) -> Any:
        """True when the last review still asks for changes: then a human has to decide."""
        return _of(self.settled, "undecided")


def implement_until_reviewed(
    *,
    after: Sequence[BaseOperator],
    inputs: Mapping[str, Any],
    base: Any,
    check: str = "{{ params.check or '' }}",
    max_rounds: int = 2,
    check_rounds: int = 3,
    implementer: str = "implementer",
    reviewer: str = "reviewer",
    approve_brief: Any = False,
    prompt: str = "implement.md",
    review_prompt: str = "review.md",
    acceptance: Any = (),
    group_id: str = "fix",
) -> Rounds:
    """Implement, review, and implement again while the review asks for changes.

    Args:
        after: steps that say what to build; the first one with a result is the brief.
        inputs: what both prompts may see, besides `brief`, and `review` from round 2 on.
        base: commit to start from.
        check: name of the check that each implementation must pass.
        max_rounds: rounds of implementing and reviewing.
        check_rounds: sessions within one implementation until the check passes.
        implementer: role that implements.
        reviewer: role that reviews; choose another one than the implementer's model.
        approve_brief: ask a human before anything is implemented. Templated.
        prompt: what the implementer is told, a file below `include/prompts/`.
        review_prompt: what the reviewer is told, likewise.
        acceptance: see `AgentSessionOperator`.
        group_id: name of the task group.
    """
    with TaskGroup(group_id) as group:
        brief = FirstResultOperator(
            task_id="brief",
            results={step.task_id: _of(step, "result") for step in after},
            trigger_rule="none_failed_min_one_success",
        )
        approve = HumanApprovalSensor(
            task_id="approve_brief",
            subject="Build it like this?",
            inputs={"brief": _of(brief, "result")},
            required=approve_brief,
        )
        brief >> approve
        seen = {**inputs, "brief": _of(brief, "result")}
        gate: BaseOperator = approve
        commits: list[Any] = []
        reviews: list[Any] = []
        bases: list[Any] = []
        rounds: list[tuple[str, str]] = []
        for number in range(1, max_rounds + 1):
            implement = AgentSessionOperator(
                task_id=f"implement_{number}",
                role=implementer,
                access="write",
                prompt=prompt,
                inputs={**seen, "review": reviews[-1] if reviews else None},
                base=commits[-1] if commits else base,
                check=check,
                acceptance=acceptance,
                max_rounds=check_rounds,
            )
            gate >> implement
            bases.append(_of(implement, "base"))
            commits.append(_of(implement, "commit"))
            review = AgentSessionOperator(
                task_id=f"review_{number}",
                role=reviewer,
                prompt=review_prompt,
                inputs={**seen, "checks": _of(implement, "checks")},
                base=_of(implement, "commit"),
                diff_from=base,
                output_type=Review,
            )
            reviews.append(_of(review, "result"))
            rounds.append((implement.task_id, review.task_id))
            if number < max_rounds:
                gate = AnotherRoundOperator(task_id=f"again_{number}", review=reviews[-1])
        settled = SettleOperator(
            task_id="settle",
            rounds=rounds,
            commits=commits,
            reviews=reviews,
            bases=bases,
            # a later round that fails leaves the earlier one's commit, and a human to decide
            trigger_rule="all_done",
        )
    return Rounds(group, settled, brief)


def _of(step: BaseOperator, key: str) -> Any:
    return XComArg(step, key)
