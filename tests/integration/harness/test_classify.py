"""Choosing a label: who is asked, in which order, what it costs, and what is recorded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness_bench import Bed

from bridle.harness.classify import Answer, Question, classify, put_to_a_human, settle
from bridle.harness.step import Step
from bridle.ledger.queries import Queries

Make = Callable[..., Bed]
KINDS = {"bug": "It is broken.", "feature": "It is missing."}
ROLES = """
roles:
  classifier: {agent: api, model: "anthropic:claude-haiku-4-5", escalate_to: planner}
  planner: {agent: api, model: "anthropic:claude-sonnet-4-5"}
"""


def votes(*labels: tuple[str, float]) -> list[Any]:
    """One session each."""
    return [
        [{"output": {"label": label, "rationale": f"I say {label}.", "confidence": sure}}]
        for label, sure in labels
    ]


@pytest.fixture
def asked(bed: Make, tmp_path: Path) -> Callable[..., tuple[Step, Question]]:
    """A step and a question, with sessions that vote as given."""
    (tmp_path / "include" / "prompts").mkdir(parents=True)
    (tmp_path / "include" / "roles.yaml").write_text(ROLES)
    (tmp_path / "include" / "prompts" / "kind.md").write_text("{{ labels }} {{ issue.title }}")

    def ask(*given: tuple[str, float], **question: Any) -> tuple[Step, Question]:
        step = bed({"classify": votes(*given)}).step(task="classify")
        settings = replace(step.settings, include_dir=tmp_path / "include")
        inputs = {"issue": {"title": "Boom", "labels": ["Bug", "p1"]}}
        wanted = {"threshold": 0.7, "inputs": inputs, **question}
        return replace(step, settings=settings), Question("classifier", "kind.md", KINDS, **wanted)

    return ask


def decisions(step: Step) -> list[tuple[str, str, str, float | None]]:
    """What the ledger has of the run's decisions."""
    with Queries(step.ledger.url) as ledger:
        return [(row.what, row.choice, row.by, row.confidence) for row in ledger.decisions("dag", "run")]


def test_a_rule_decides_first_and_costs_no_token(asked: Callable[..., tuple[Step, Question]]) -> None:
    step, question = asked(("feature", 0.9), rules={"bug": "bug"})
    result = settle(step, question, classify(step, question))
    assert (result.result["label"], result.result["by"], result.tokens) == ("bug", "rule", 0)
    assert decisions(step) == [("label", "bug", "rule", 1.0)]


def test_a_sure_model_decides_alone(asked: Callable[..., tuple[Step, Question]]) -> None:
    step, question = asked(("feature", 0.9))
    result = settle(step, question, classify(step, question))
    assert (result.result["label"], result.rounds) == ("feature", 1)
    assert result.tokens > 0
    assert decisions(step) == [("label", "feature", "model:classifier", 0.9)]


def test_an_unsure_model_is_followed_by_the_stronger_one(
    asked: Callable[..., tuple[Step, Question]],
) -> None:
    step, question = asked(("feature", 0.4), ("bug", 0.8))
    settle(step, question, classify(step, question))
    assert decisions(step) == [
        ("opinion", "feature", "model:classifier", 0.4),
        ("label", "bug", "model:planner", 0.8),
    ]
    sessions = step.ledger.step_state(step.attempt.step, 2).sessions
    assert [(row.role, row.model) for row in sessions] == [
        ("classifier", "claude-haiku-4-5"),
        ("planner", "claude-sonnet-4-5"),
    ]


def test_of_several_votes_the_share_that_agrees_is_the_confidence_and_each_is_counted(
    asked: Callable[..., tuple[Step, Question]],
) -> None:
    """What a model says of its own confidence is then worth nothing."""
    step, question = asked(("bug", 0.1), ("feature", 1.0), ("bug", 0.2), votes=3, threshold=0.6)
    answer = classify(step, question)
    assert (answer.label, answer.sure) == ("bug", True)
    assert answer.confidence == pytest.approx(2 / 3)
    assert step.ledger.session_totals("step:dag/run/classify").calls == 3


def test_a_retry_asks_nobody_again_who_has_answered(asked: Callable[..., tuple[Step, Question]]) -> None:
    step, question = asked(("feature", 0.4), ("bug", 0.8))
    first = classify(step, question)
    again, _ = asked()
    assert classify(again, question) == first
    assert step.ledger.session_totals("step:dag/run/classify").calls == 2


def test_when_nobody_is_sure_a_human_is_shown_what_the_models_think(
    asked: Callable[..., tuple[Step, Question]],
) -> None:
    step, question = asked(("feature", 0.4), ("bug", 0.5))
    answer = classify(step, question)
    assert not answer.sure
    text = put_to_a_human(step, question, answer)
    assert [word for word in ("Boom", "It is missing.", "0.50", "I say bug.") if word not in text] == []
    settle(step, question, Answer("feature", "chosen by a human", 1.0, "human:ada"))
    assert decisions(step)[-1] == ("label", "feature", "human:ada", 1.0)
    assert [what for what, *_ in decisions(step)] == ["opinion", "opinion", "label"]
