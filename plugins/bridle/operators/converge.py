"""The joints of review rounds: what to build, whether to go round again, and what came out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import SkipMixin
from airflow.sdk.exceptions import AirflowSkipException

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class FirstResultOperator(BridleOperator):
    """Hand on the first of several results that is there: the branches that were not taken have none.

    Args:
        results: task id to the XComArg of its result, in order of preference. Templated.
    """

    template_fields: Sequence[str] = ("results",)

    def __init__(self, *, results: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.results = results

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.result import StepResult

        # Airflow keeps the XComs of a task that ran before a clear and is skipped after it
        states = task_states(context, list(self.results))
        there = (
            result
            for task, result in self.results.items()
            if states.get(task) == "success" and result is not None
        )
        return StepResult(result=next(there, None))


class AnotherRoundOperator(BridleOperator, SkipMixin):
    """Let the next round run only when the review asks for changes.

    Args:
        review: a `bridle.models.Review`, as the reviewing step pushed it. Templated.
    """

    template_fields: Sequence[str] = ("review",)
    inherits_from_skipmixin = True

    def __init__(self, *, review: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.review = review

    def execute(self, context: "Context") -> None:
        super().execute(context)
        if not self._again:
            self.skip_all_except(context["ti"], set())

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.result import StepResult
        from bridle.harness.review import decide_another_round

        self._again = decide_another_round(step, self.review)
        return StepResult(result={"another_round": self._again})


class SettleOperator(BridleOperator):
    """Say what the rounds came to: the last commit, and the review of exactly that commit.

    Skipped when all rounds were; needs the trigger rule `all_done`.

    Args:
        rounds: task ids of each round, in order: only one whose tasks succeeded counts.
        commits: the commit of each round; None for rounds that did not run. Templated.
        reviews: the review of each round, likewise. Templated.
        bases: the commit that each round started from, likewise. Templated.
    """

    template_fields: Sequence[str] = ("commits", "reviews", "bases")

    def __init__(
        self,
        *,
        rounds: Sequence[Sequence[str]],
        commits: list[Any],
        reviews: list[Any],
        bases: list[Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rounds = [list(tasks) for tasks in rounds]
        self.commits = commits
        self.reviews = reviews
        self.bases = bases

    def execute(self, context: "Context") -> None:
        if set(task_states(context, list(self.upstream_task_ids)).values()) == {"skipped"}:
            raise AirflowSkipException("no round was to be run")
        super().execute(context)

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.review import settle

        # what a round pushed before a clear is still there when it did not start after it
        states = task_states(context, sorted({task for round in self.rounds for task in round}))
        ran = [all(states.get(task) == "success" for task in round) for round in self.rounds]
        commits = [commit if now else None for commit, now in zip(self.commits, ran, strict=True)]
        before = task_states(context, sorted(self.get_flat_relative_ids(upstream=True)))
        failed = [task for task, state in before.items() if state == "failed"]
        return settle(step, commits, self.reviews, self.bases, failed=failed)


def task_states(context: "Context", tasks: list[str]) -> dict[str, str | None]:
    """Airflow's states of other tasks of this run."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=tasks, run_ids=[ti.run_id])
    return dict(states.get(ti.run_id, {}))
