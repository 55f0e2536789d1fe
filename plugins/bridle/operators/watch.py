"""Watching issues, and the runs that come of it."""

from functools import partial
from typing import TYPE_CHECKING, Any

from bridle.operators.base import BridleOperator
from bridle.operators.run_state import run_state

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class WatchIssuesOperator(BridleOperator):
    """Look for issues that want to be worked on, in every repository with `watch` in repositories.yaml.

    Each becomes exactly one run of `workflow`, for which `run_of` makes the arguments of a mapped
    `TriggerDagRunOperator`. Nothing new costs one request for each repository and no token.

    Args:
        workflow: the DAG that works on an issue; its params have `repo` and `issue`.

    Returns the attempts to start, as `repository#number/attempt`.
    """

    ui_color = "#e8f5e9"

    def __init__(self, *, workflow: str = "issue_fix", **kwargs: Any) -> None:
        super().__init__(multiple_outputs=False, **kwargs)
        self.workflow = workflow

    def execute(self, context: "Context") -> list[str]:  # type: ignore[override]
        super().execute(context)
        return self._start

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.config.repositories import repositories_in_force
        from bridle.harness.watch import watch

        known = repositories_in_force(step.settings, beside=step.beside).repositories
        result = watch(step, list(known.values()), partial(run_state, context, self.workflow))
        self._start = result.start
        return result


def run_of(attempt: str) -> dict[str, Any]:
    """Arguments of a `TriggerDagRunOperator`: the run that an attempt is."""
    from bridle.harness.watch import parse
    from bridle.ledger.watches import run_id_of

    repository, number, count = parse(attempt)
    return {
        "trigger_run_id": run_id_of(repository, number, count),
        "conf": {"repo": repository, "issue": number, "attempt": count},
    }
