"""Reading an issue from the forge, as data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bridle.operators.base import BridleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class FetchIssueOperator(BridleOperator):
    """Fetch an issue with its comments, and pin the commit that the run works from.

    The text is data and stays data: its author must be allowed, hidden parts are stripped, and prompts show
    it as `issue.text`, a delimited block with a digest that the text cannot forge.

    Args:
        repo: name on the allow-list. Templated.
        number: the issue's number. Templated.
        base: branch to work from; empty: the repository's default. Templated.

    Pushes `result` (number, title, text, labels, author, url), `commit` and `base` (the pinned commit).
    """

    template_fields: Sequence[str] = ("repo", "number", "base")
    ui_color = "#e8f5e9"

    def __init__(
        self,
        *,
        repo: str = "{{ params.repo }}",
        number: Any,
        base: str = "{{ params.base or '' }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.repo = repo
        self.number = number
        self.base = base

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.issue import fetch_issue

        check = (context.get("params") or {}).get("check") or ""
        return fetch_issue(step, step.repository(self.repo), int(self.number), self.base, check=check)
