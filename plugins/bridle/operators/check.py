"""A check as a step of its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class CheckOperator(BridleOperator):
    """Run one of a repository's checks on a commit; the task fails when the check does.

    Args:
        commit: what to check. Templated.
        check: name of the check; empty: the repository's first. Templated.
        repo: name on the allow-list. Templated.
    """

    template_fields: Sequence[str] = ("commit", "check", "repo")
    ui_color = "#e8f5e9"

    def __init__(
        self, *, commit: Any, check: str = "", repo: str = "{{ params.repo }}", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.commit = commit
        self.check = check
        self.repo = repo

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.errors import SessionFailed
        from bridle.harness.bench import Bench
        from bridle.harness.check import run_check
        from bridle.harness.result import StepResult

        repository = step.repository(self.repo)
        verdict = run_check(Bench(step, repository), repository, self.check, commit=self.commit)
        if not verdict.passed:
            raise SessionFailed(f"check {verdict.name!r} failed on {self.commit[:10]}:\n{verdict.tail}")
        return StepResult(commit=self.commit, checks={verdict.name: True})
