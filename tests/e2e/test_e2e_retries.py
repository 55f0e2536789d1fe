"""When Airflow tries again by itself, and when a human has to say something first."""

import pytest
from e2e_processes import eventually
from e2e_run import SECONDS
from e2e_scenario import Scenario, answering
from e2e_stage import Stage

from bridle.ledger.queries import Queries

pytestmark = pytest.mark.timeout(600)

TOLD = 65
"""Seconds; more than an agent's own library waits for."""


def wait_for_a_second_try(stage: Stage) -> None:
    run = stage.start()
    eventually("a second try", lambda: len(run.sessions("investigate")) > 1, SECONDS)
    stage.airflow.fail_run(run.dag_id, run.run_id)
    eventually("it is stopped", lambda: run.sessions("investigate")[-1].closed_at is not None, 240)


def run_to_failure(stage: Stage) -> None:
    assert stage.start().ended() == "failed"


def choose(stage: Stage) -> None:
    run = stage.start("human_label")
    question = run.question()
    stage.notes.update(options=question.options, body=question.body)
    run.answer("feature")
    assert run.ended() == "success", run.failures()
    stage.notes["states"] = run.states()


LIMITED = Scenario(
    "limited",
    wait_for_a_second_try,
    script={"investigate": [[{"text": "never", "fail": [429] * 20, "retry_after": TOLD}]]},
)
WRONG_KEY = Scenario(
    "wrong-key", run_to_failure, script={"investigate": [[{"text": "never", "fail": [401] * 5}]]}
)
UNSURE = Scenario(
    "unsure", choose, script={"kind": [answering(label="bug", rationale="It says so.", confidence=0.3)]}
)


@pytest.mark.parametrize("stage", [LIMITED], indirect=True)
def test_a_provider_that_limits_the_rate_is_left_alone_for_as_long_as_it_says(stage: Stage) -> None:
    """Nobody has configured anything: retries and policy are the operators' own."""
    first, second = stage.run.sessions("investigate")[:2]
    refused = stage.ledger.calls(first.id)[-1].settled_at
    assert refused is not None
    assert first.closed_at is not None
    assert (second.opened_at - refused).total_seconds() >= TOLD - 1
    assert (second.opened_at - first.closed_at).total_seconds() < TOLD + 300, "it comes by itself"
    assert second.attempt.try_number == 2


@pytest.mark.parametrize("stage", [WRONG_KEY], indirect=True)
def test_a_wrong_key_fails_at_the_first_try_and_names_the_connection(stage: Stage) -> None:
    task = stage.run.task("investigate")
    assert (task.state, task.try_number) == ("failed", 1)
    error = stage.run.error("investigate")
    assert [word for word in ("CredentialError", "bridle_anthropic") if word not in error] == []
    (session,) = stage.run.sessions("investigate")
    assert len(stage.ledger.calls(session.id)) == 1


@pytest.mark.parametrize("stage", [UNSURE], indirect=True)
def test_when_no_model_is_sure_a_human_chooses_and_only_that_branch_runs(stage: Stage) -> None:
    assert stage.notes["options"] == ["bug", "feature"]
    assert "It is missing." in str(stage.notes["body"])
    assert stage.notes["states"] == {"kind": "success", "fix": "skipped", "build": "success"}
    with Queries(stage.ledger_url) as ledger:
        decisions = ledger.decisions(stage.run.dag_id, stage.run.run_id)
    assert [(row.what, row.choice, row.by.partition(":")[0]) for row in decisions] == [
        ("opinion", "bug", "model"),
        ("label", "feature", "human"),
    ]
    assert stage.run.xcoms()["kind"]["result"] == {
        "label": "feature",
        "rationale": "chosen by a human",
        "confidence": 1.0,
        "by": decisions[-1].by,
    }
