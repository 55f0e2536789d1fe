"""Writes to the outside, each done once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridle.operators.base import BridleOperator
from bridle.operators.links import PullRequestLink, RunLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class OpenPullRequestOperator(BridleOperator):
    """Push a commit to a branch of its own and open, or bring up to date, one pull request for it.

    Right before acting it verifies that this is the commit a human approved (where one was asked), that the
    patch policy allows the patch, and that no newer attempt has taken over.

    Args:
        commit: what to publish. Templated.
        base: the commit that the work started from. Templated.
        number: the issue that it is for; names the branch. Templated.
        inputs: what the template may see, besides `checks`, `cost_table`, `commit` and `number`. Templated.
        body: file below `include/templates/`: first line the title, then an empty line, then the body.
        target: branch to merge into; empty: the repository's default. Templated.
        draft: whether the pull request is a draft.
        needs_approval: whether a `HumanApprovalSensor` of the run must have passed exactly this commit.
        repo: name on the allow-list. Templated.
    """

    template_fields: Sequence[str] = ("commit", "base", "number", "inputs", "target", "repo")
    ui_color = "#fde7e7"
    operator_extra_links = (PullRequestLink(), RunLink())

    def __init__(
        self,
        *,
        commit: Any,
        base: Any,
        number: Any,
        inputs: Mapping[str, Any] | None = None,
        body: str = "pull_request.md",
        target: str = "{{ params.base or '' }}",
        draft: bool = True,
        needs_approval: bool = True,
        repo: str = "{{ params.repo }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.commit = commit
        self.base = base
        self.number = number
        self.inputs = dict(inputs or {})
        self.body = body
        self.target = target
        self.draft = draft
        self.needs_approval = needs_approval
        self.repo = repo

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.publish import Publication, publish

        repository = step.repository(self.repo)
        return publish(
            step,
            repository,
            Publication(
                commit=self.commit,
                base=self.base,
                branch=f"bridle/issue-{int(self.number)}",
                target=self.target or repository.base,
                draft=self.draft,
                needs_approval=self.needs_approval,
                template=self.body,
                inputs={**self.inputs, "number": int(self.number)},
            ),
        )


class CommentOperator(BridleOperator):
    """Post one comment to an issue; when the task runs again, the comment is brought up to date instead.

    Args:
        number: the issue's number. Templated.
        inputs: what the template may see. Templated.
        body: file below `include/templates/`.
        repo: name on the allow-list. Templated.
    """

    template_fields: Sequence[str] = ("number", "inputs", "repo")
    ui_color = "#fde7e7"

    def __init__(
        self,
        *,
        number: Any,
        body: str,
        inputs: Mapping[str, Any] | None = None,
        repo: str = "{{ params.repo }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.body = body
        self.inputs = dict(inputs or {})
        self.repo = repo

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.comment import comment

        return comment(step, step.repository(self.repo), int(self.number), self.body, self.inputs)


class LabelOperator(BridleOperator):
    """Add and remove labels of an issue.

    Args:
        number: the issue's number. Templated.
        add: labels to add.
        remove: labels to remove.
        repo: name on the allow-list. Templated.
    """

    template_fields: Sequence[str] = ("number", "repo")
    ui_color = "#fde7e7"

    def __init__(
        self,
        *,
        number: Any,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        repo: str = "{{ params.repo }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.add = tuple(add)
        self.remove = tuple(remove)
        self.repo = repo

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.label import label

        return label(step, step.repository(self.repo), int(self.number), self.add, self.remove)
