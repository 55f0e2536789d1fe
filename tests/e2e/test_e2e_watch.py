"""An issue with the label becomes one run by itself; opened again, another one with the next number."""

import hashlib
import hmac
import json
import time
import uuid

import httpx
import pytest
from e2e_run import SECONDS, Run
from e2e_scenario import Scenario, answering
from e2e_stage import Stage
from e2e_world import WEBHOOK_SECRET

from bridle.forge.document import Document

PREFIX = "watched-1-attempt-"


def body_of(delivery: str) -> bytes:
    """What GitHub signs; the run's id is made of it."""
    return json.dumps({"action": "labeled", "issue": {"updated_at": delivery}}).encode()


def deliver(stage: Stage, delivery: str) -> int:
    """GitHub's webhook says that something happened."""
    body = body_of(delivery)
    digest = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    told = {
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={digest}",
    }
    return httpx.post(
        f"{stage.airflow.url}/bridle/webhook", content=body, headers=told, timeout=60
    ).status_code


def run_of(stage: Stage, dag_id: str, run_id: str) -> Run:
    """A run that somebody else starts."""
    deadline = time.monotonic() + SECONDS
    while run_id not in [run.run_id for run in stage.airflow.runs(dag_id, like=run_id)]:
        assert time.monotonic() < deadline, f"{dag_id} {run_id} does not begin"
        time.sleep(0.5)
    return Run(stage.airflow, stage.ledger, stage.airflow.run(dag_id, run_id))


def play(stage: Stage) -> None:
    stage.notes["delivered"] = [deliver(stage, "00000000-0001"), deliver(stage, "00000000-0001")]
    first = run_of(stage, "issue_fix", f"{PREFIX}1")
    assert first.ended() == "success", first.failures()
    look = run_of(
        stage, "issue_watch", f"webhook-{hashlib.sha256(body_of('00000000-0001')).hexdigest()[:32]}"
    )
    look.ended()
    again = Run(stage.airflow, stage.ledger, stage.airflow.trigger("issue_watch", {}, run_id="by-hand"))
    assert again.ended() == "success", again.failures()
    stage.notes["again"] = again
    path = stage.folder / "issues" / "1.md"
    before = Document.read(path)
    Document({**before.head, "reopened": 1}, before.body).write(path)
    deliver(stage, "00000000-0002")
    second = run_of(stage, "issue_fix", f"{PREFIX}2")
    assert second.ended() == "success", second.failures()
    stage.runs += [first, second]


WATCHED = Scenario(
    "watched",
    play,
    script={"answer": [answering(answer="It adds.")]},
    issue={"labels": ["bridle", "question"]},
    settings={"watch": {}},
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("stage", [WATCHED], indirect=True)]


def test_each_attempt_is_one_run_whoever_looks_how_often(stage: Stage) -> None:
    """The webhook and the schedule look side by side; the same delivery again is no other look."""
    assert stage.notes["delivered"] == [202, 200]
    runs = {run.run_id for run in stage.airflow.runs("issue_fix", like=PREFIX)}
    assert runs == {f"{PREFIX}1", f"{PREFIX}2"}
    assert [run.sessions_by_task()["answer"] for run in stage.runs] == [1, 1]


def test_a_look_that_finds_nothing_says_so_and_costs_nothing(stage: Stage) -> None:
    again = stage.notes["again"]
    assert isinstance(again, Run)
    assert again.xcoms()["look"]["summary"] == "nothing to do"
    assert again.sessions() == []
    assert again.states()["start"] == "skipped"
