"""A decision among given labels: by rule where one fits, else by a small model."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import SkipMixin

from bridle.agents.base import Limits
from bridle.operators.base import BridleOperator, failing_clearly, push, step_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class LLMClassifyOperator(BridleOperator, SkipMixin):
    """Choose one of `labels`; optionally follow only the branch that belongs to it.

    Rules come first and cost no token. The model's answer is validated: a label outside the set cannot come
    out, whatever the text says. The decision, its reason and who took it are recorded in the ledger.

    Args:
        role: name in roles.yaml.
        prompt: file below `include/prompts/`; sees `inputs` and `labels` (name to description).
        inputs: what the prompt and the rules may see. Templated; references to large results are fetched.
        labels: each label and what it means.
        rules: label of the forge (any case) to label of ours: the first of `inputs["issue"]["labels"]` that
            is in here decides.
        branches: label to task id; direct downstream tasks of other labels are skipped.
        limits: overrides single limits of the role.
    """

    template_fields: Sequence[str] = ("inputs",)
    ui_color = "#fff3d6"
    inherits_from_skipmixin = True

    def __init__(
        self,
        *,
        role: str,
        prompt: str,
        labels: Mapping[str, str],
        inputs: Mapping[str, Any] | None = None,
        rules: Mapping[str, str] | None = None,
        branches: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.role = role
        self.prompt = prompt
        self.inputs = dict(inputs or {})
        self.labels = dict(labels)
        self.rules = dict(rules or {})
        self.branches = dict(branches or {})
        self.limits = limits
        for name, chosen in (("rules", self.rules.values()), ("branches", self.branches)):
            if unknown := set(chosen) - set(self.labels):
                raise ValueError(
                    f"{self.task_id}: {name} names {sorted(unknown)}, not in labels {list(self.labels)}"
                )

    def execute(self, context: "Context") -> None:
        with failing_clearly(), step_of(context, self._stop) as step:
            result = self.work(step, context)
            push(context, step, result)
        self._follow(context, result.result["label"])

    def work(self, step: "Step", context: "Context") -> "StepResult":
        from bridle.harness.classify import classify

        return classify(
            step,
            role_name=self.role,
            prompt=self.prompt,
            inputs=self.inputs,
            labels=self.labels,
            rules=self.rules,
            limits=self.limits,
        )

    def _follow(self, context: "Context", label: str) -> None:
        if not self.branches:
            return
        follow = {self.branches[label]} if label in self.branches else set()
        self.log.info("%s: following %s", label, ", ".join(follow) or "no branch")
        self.skip_all_except(context["ti"], follow)
