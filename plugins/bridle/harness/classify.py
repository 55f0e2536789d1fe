"""Choosing a label: rules first, then a model whose answer is validated."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import create_model

from bridle.agents.base import Limits
from bridle.harness.reference import expand
from bridle.harness.result import StepResult
from bridle.harness.session import Assignment
from bridle.harness.step import Step, narrowed
from bridle.harness.work import Work, work
from bridle.models import Classification


def classify(
    step: Step,
    *,
    role_name: str,
    prompt: str,
    inputs: Mapping[str, Any],
    labels: Mapping[str, str],
    rules: Mapping[str, str],
    limits: Limits | None,
) -> StepResult:
    """Decide on one of `labels` and record why.

    Raises:
        SessionFailed: the model gave no valid answer, twice.
    """
    ruled = _by_rule(expand(inputs.get("issue"), step.ledger), rules)
    if ruled:
        label, why = ruled
        step.ledger.decide(
            step.attempt, what="label", options=list(labels), choice=label, why=why, confidence=1.0, by="rule"
        )
        return StepResult(summary=why, result={"label": label, "rationale": why, "confidence": 1.0})
    role = step.role(role_name)
    choice: Any = Literal[tuple(labels)]
    answer_type = create_model("Label", __base__=Classification, label=(choice, ...))

    def assignment(_round: int, _feedback: str) -> Assignment:
        return Assignment(
            role_name=role_name,
            role=role,
            limits=narrowed(role.limits, limits),
            access="none",
            prompt=step.prompt(prompt, {**inputs, "labels": dict(labels)}),
            output_type=answer_type,
        )

    result = work(step, Work(assignment=assignment))
    chosen = Classification.model_validate(expand(result.result, step.ledger))
    step.ledger.decide(
        step.attempt,
        what="label",
        options=list(labels),
        choice=chosen.label,
        why=chosen.rationale,
        confidence=chosen.confidence,
        by=f"model:{role_name}",
    )
    told = {"label": chosen.label, "rationale": chosen.rationale[:200], "confidence": chosen.confidence}
    return result.model_copy(update={"summary": chosen.label, "result": told})


def _by_rule(issue: Any, rules: Mapping[str, str]) -> tuple[str, str] | None:
    if not isinstance(issue, Mapping):
        return None
    wanted = {name.casefold(): label for name, label in rules.items()}
    for name in issue.get("labels", ()):
        if name.casefold() in wanted:
            return wanted[name.casefold()], f"the issue carries the label {name!r}"
    return None
