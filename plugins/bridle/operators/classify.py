"""A decision among given labels: by rule where one fits, else by models, else by a human."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import SkipMixin
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from bridle.agents.base import Limits
from bridle.config.roles import RoleChanges
from bridle.errors import SessionFailed
from bridle.operators.base import failing_clearly, push, step_of
from bridle.operators.role import RoleOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from bridle.harness.classify import Question
    from bridle.harness.result import StepResult
    from bridle.harness.step import Step


class LLMClassifyOperator(RoleOperator, SkipMixin):
    """Choose one of `labels`; optionally follow only the branch that belongs to it.

    Rules come first and cost no token. Then the role's model is asked, and while it is less sure than
    `threshold`, the role that it escalates to (`escalate_to` in roles.yaml), and at last a human, in
    Airflow's Required Actions. A model's answer is validated: a label outside the set cannot come out,
    whatever the text says. Every opinion, and the decision with its reason and who took it, are recorded in
    the ledger.

    Args:
        role: name in roles.yaml.
        prompt: file below `include/prompts/`; sees `inputs` and `labels` (name to description).
        inputs: what the prompt and the rules may see. Templated; references to large results are fetched.
        labels: each label and what it means.
        rules: label of the forge (any case) to label of ours: the first of `inputs["issue"]["labels"]` that
            is in here decides.
        branches: label to task id; direct downstream tasks of other labels are skipped.
        votes: sessions in which each model is asked; with more than one, the share that agrees is the
            confidence, instead of what the model says of itself. Every one costs.
        threshold: confidence, 0 to 1, below which the next one is asked.
        unsure: what to do when the last model is not sure either: `ask` a human, `take` its answer, or
            `fail`.
        answer_within: how long to wait for the human; None: for ever.
        agent: instead of the role's.
        model: `provider:model`, instead of the role's.
        fallback: models to go on with when that one's provider is away, instead of the role's.
        effort: instead of the role's.
        limits: single limits, instead of the role's.
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
        votes: int = 1,
        threshold: float = 0.7,
        unsure: Literal["ask", "take", "fail"] = "ask",
        answer_within: timedelta | None = None,
        agent: str | None = None,
        model: str | None = None,
        fallback: Sequence[str] | None = None,
        effort: str | None = None,
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            role=role,
            changes=RoleChanges(agent=agent, model=model, fallback=fallback, effort=effort, limits=limits),
            output=True,
            **kwargs,
        )
        self.prompt = prompt
        self.inputs = dict(inputs or {})
        self.labels = dict(labels)
        self.rules = dict(rules or {})
        self.branches = dict(branches or {})
        self.votes = votes
        self.threshold = threshold
        self.unsure = unsure
        self.answer_within = answer_within
        if votes < 1:
            raise ValueError(f"{self.task_id}: votes is {votes}; at least one is needed")
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
        from airflow.sdk.execution_time.hitl import upsert_hitl_detail

        from bridle.harness.classify import classify, put_to_a_human, settle

        answer = classify(step, self._question)
        if answer.sure or self.unsure == "take":
            return settle(step, self._question, answer)
        if self.unsure == "fail":
            raise SessionFailed(
                f"{answer.by} thinks {answer.label!r} with a confidence of {answer.confidence:.2f}, below "
                f"{self.threshold}; give its role another one to escalate to, or ask a human (unsure='ask')"
            )
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=list(self.labels),
            subject=f"{self.task_id}: which label is right?",
            body=put_to_a_human(step, self._question, answer),
            params={},
        )
        raise TaskAwaitingInput(method_name="answered", timeout=self.answer_within)

    def answered(self, context: "Context", event: dict[str, Any]) -> None:
        """Go on with what a human chose."""
        from bridle.harness.classify import Answer, settle

        if "error" in event:
            raise AirflowFailException(
                f"nobody chose a label within {self.answer_within}; clear the task to ask again"
            )
        (label,) = event["chosen_options"]
        by = (event["responded_by_user"] or {}).get("name", "unknown")
        answer = Answer(label, "chosen by a human", confidence=1.0, by=f"human:{by}")
        with failing_clearly(), step_of(context, self._stop) as step:
            push(context, step, settle(step, self._question, answer))
        self._follow(context, label)

    @property
    def _question(self) -> "Question":
        from bridle.harness.classify import Question

        return Question(
            role=self.role,
            prompt=self.prompt,
            labels=self.labels,
            inputs=self.inputs,
            rules=self.rules,
            votes=self.votes,
            threshold=self.threshold,
            changes=self.changes,
        )

    def _follow(self, context: "Context", label: str) -> None:
        if not self.branches:
            return
        follow = {self.branches[label]} if label in self.branches else set()
        self.log.info("%s: following %s", label, ", ".join(follow) or "no branch")
        self.skip_all_except(context["ti"], follow)
