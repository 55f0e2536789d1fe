"""Choosing a label: rules first, then a model whose answer is validated, a stronger one, and a human."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from pydantic import create_model

from bridle.agents.base import Outcome
from bridle.config.roles import Role, RoleChanges
from bridle.harness.approval import facts
from bridle.harness.bench import Bench
from bridle.harness.chain import run_session
from bridle.harness.reference import expand
from bridle.harness.result import StepResult
from bridle.harness.session import Assignment, Report
from bridle.harness.step import Step
from bridle.models import Classification


@dataclass(frozen=True)
class Question:
    """What is to be decided, and how."""

    role: str
    prompt: str
    labels: Mapping[str, str]
    """Each label and what it means."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    """Label of the forge to label of ours."""
    votes: int = 1
    """Sessions that each model is asked in."""
    threshold: float = 0.0
    """Confidence below which somebody stronger is asked."""
    changes: RoleChanges | None = None
    """Of `role`; the stronger ones are as in roles.yaml."""


@dataclass(frozen=True)
class Answer:
    """A label, and who says so."""

    label: str
    why: str
    confidence: float
    """Of one vote: what the model says. Of several: the share that agrees."""
    by: str
    """`rule`, `model:<role>` or `human:<user>`."""
    sure: bool = True
    """Whether the threshold is reached."""
    session_id: str | None = None
    """The last session that was asked."""


def classify(step: Step, question: Question) -> Answer:
    """Ask, in this order, the rules, the role, and the roles that it escalates to, until one is sure.

    Raises:
        SessionFailed: a model gave no valid answer, twice.
    """
    ruled = _by_rule(expand(question.inputs.get("issue"), step.ledger), question.rules)
    if ruled:
        return Answer(*ruled, confidence=1.0, by="rule")
    numbers = count(1)
    name, role = question.role, step.role(question.role, question.changes)
    while True:
        answer = _asked(step, question, name, role, [next(numbers) for _ in range(question.votes)])
        if answer.sure or role.escalate_to is None:
            return answer
        _record(step, question, answer, what="opinion")
        name = role.escalate_to
        role = step.role(name)


def settle(step: Step, question: Question, answer: Answer) -> StepResult:
    """Record the decision, and return it as the step's result."""
    _record(step, question, answer, what="label")
    totals = step.ledger.session_totals(step.attempt.step.scope)
    told = {"label": answer.label, "rationale": answer.why[:200], "confidence": answer.confidence}
    return StepResult(
        session_id=answer.session_id,
        summary=f"{answer.label}, by {answer.by}: {answer.why}"[:500],
        result=told | {"by": answer.by},
        tokens=totals.usage.total,
        cost_usd=totals.cost_usd,
        rounds=len(step.ledger.step_state(step.attempt.step, step.attempt.generation).sessions),
    )


def put_to_a_human(step: Step, question: Question, answer: Answer) -> str:
    """Record what the last model thinks, and return the text to show with the question (Markdown)."""
    _record(step, question, answer, what="opinion")
    shown = {
        "labels": dict(question.labels),
        answer.by: {
            "thinks": answer.label,
            "confidence": f"{answer.confidence:.2f}, and {question.threshold:.2f} is asked for",
            "because": answer.why,
        },
        **{name: expand(value, step.ledger) for name, value in question.inputs.items()},
    }
    return step.ledger.redactor.text(facts(shown))


def _asked(step: Step, question: Question, name: str, role: Role, numbers: list[int]) -> Answer:
    """What one role says, in sessions with these numbers."""
    choice: Any = Literal[tuple(question.labels)]
    answer_type = create_model("Label", __base__=Classification, label=(choice, ...))
    assignment = Assignment(
        role_name=name,
        role=role,
        limits=role.limits,
        access="none",
        prompt=step.prompt(question.prompt, {**question.inputs, "labels": dict(question.labels)}),
        output_type=answer_type,
    )
    reports = [_session(step, assignment, number) for number in numbers]
    votes = [answer_type.model_validate(report.output) for report in reports]
    label, agreeing = Counter(vote.label for vote in votes).most_common(1)[0]
    chosen = next(vote for vote in votes if vote.label == label)
    confidence = chosen.confidence if len(votes) == 1 else agreeing / len(votes)
    return Answer(
        label=label,
        why=chosen.rationale,
        confidence=confidence,
        by=f"model:{name}",
        sure=confidence >= question.threshold,
        session_id=reports[-1].session_id,
    )


def _session(step: Step, assignment: Assignment, number: int) -> Report:
    """One vote; those of an earlier try are kept."""
    earlier = [
        row
        for row in step.ledger.step_state(step.attempt.step, step.attempt.generation).sessions
        if row.round == number
    ]
    for row in earlier:
        if row.outcome == Outcome.DONE:
            return Report.of(row)
    step.verify()
    interrupted = earlier[-1] if earlier else None
    return run_session(Bench(step, None), assignment, round=number, base="", interrupted=interrupted)


def _record(step: Step, question: Question, answer: Answer, *, what: str) -> None:
    step.ledger.decide(
        step.attempt,
        what=what,
        options=list(question.labels),
        choice=answer.label,
        why=answer.why,
        confidence=answer.confidence,
        by=answer.by,
    )


def _by_rule(issue: Any, rules: Mapping[str, str]) -> tuple[str, str] | None:
    if not isinstance(issue, Mapping):
        return None
    wanted = {name.casefold(): label for name, label in rules.items()}
    for name in issue.get("labels", ()):
        if name.casefold() in wanted:
            return wanted[name.casefold()], f"the issue carries the label {name!r}"
    return None
