"""The REST client against a real Airflow: runs are started, read, asked about, answered and ended."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner

from bridle.cli import app
from bridle.cli.run import start, why_failed
from bridle.errors import AirflowDown, CredentialError, InvalidInput, StackError
from bridle.local.find_airflow import find_question, find_run
from bridle.local.ports import free_port
from bridle.local.rest import AirflowClient, DagRun, Question
from bridle.local.stack import StackInfo
from bridle.testing.stack import running_stack

pytestmark = pytest.mark.slow

DAG = """
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, task

with DAG("tiny", schedule=None, params={"n": Param(1, type="integer")}):
    @task
    def double(params=None):
        print("doubling", params["n"])
        return 2 * params["n"]

    @task(retries=0)
    def break_it():
        raise ValueError("it is broken")

    feedback = {"feedback": Param("", type=["string", "null"])}
    double() >> ApprovalOperator(task_id="gate", subject="Go on?", params=feedback) >> break_it()
"""

TURNING = """
from airflow.sdk import DAG

with DAG("turning", schedule=None):
    pass
"""
BROKEN = """
from airflow.sdk import DAG

from bridle.errors import ConfigError

raise ConfigError("roles.yaml:2: it is broken\\nroles.yaml:3: that too")
"""


@pytest.fixture(scope="module")
def dags() -> Iterator[Path]:
    with TemporaryDirectory(prefix="bridle-test-") as folder:
        (Path(folder) / "tiny.py").write_text(DAG)
        (Path(folder) / "turning.py").write_text(TURNING)
        (Path(folder) / "busy.py").write_text(TURNING.replace("turning", "busy"))
        yield Path(folder)


@pytest.fixture(scope="module")
def info(dags: Path) -> Iterator[StackInfo]:
    with running_stack(dags=dags) as info:
        yield info


@pytest.fixture(scope="module")
def airflow(info: StackInfo) -> Iterator[AirflowClient]:
    with AirflowClient(info.url, token=info.token) as client:
        yield client


@pytest.fixture
def asking(airflow: AirflowClient) -> Iterator[Callable[[int], Question]]:
    """Starts a run and returns its question; ends the run afterwards."""
    started: list[DagRun] = []

    def ask(n: int) -> Question:
        started.append(start(airflow, "tiny", {"n": n}, label=f"tiny/{n}"))
        return until(lambda: airflow.questions("tiny", started[0].run_id))[0]

    yield ask
    for run in started:
        if not airflow.run("tiny", run.run_id).ended:
            airflow.fail_run("tiny", run.run_id)


def until(found: Callable[[], Any], seconds: float = 200) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.3)
    return value


def ended(airflow: AirflowClient, run_id: str) -> DagRun:
    until(lambda: airflow.run("tiny", run_id).ended)
    return airflow.run("tiny", run_id)


def bridle(info: StackInfo, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--state", str(info.state)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_a_run_is_followed_from_its_question_to_the_reason_of_its_failure(
    airflow: AirflowClient, asking: Callable[[int], Question]
) -> None:
    question = asking(21)
    assert (question.task_id, question.subject, question.options) == ("gate", "Go on?", ["Approve", "Reject"])
    assert airflow.value("tiny", question.run_id, "double", "return_value") == 42
    assert airflow.value("tiny", question.run_id, "double", "never_pushed") is None
    airflow.answer(question, "Approve", feedback="fine")
    run = ended(airflow, question.run_id)
    assert run.state == "failed"
    assert why_failed(airflow, run) == "break_it failed: it is broken"
    double = next(task for task in airflow.tasks("tiny", run.run_id) if task.task_id == "double")
    assert any("doubling 21" in line for line in airflow.log("tiny", run.run_id, double))
    assert airflow.questions("tiny", run.run_id) == []


def test_a_workflow_whose_file_has_been_broken_is_not_started_and_its_error_is_told(
    airflow: AirflowClient, info: StackInfo, dags: Path
) -> None:
    """Airflow keeps what it knew of it, and answers a start with `not found`."""
    until(lambda: airflow.has_dag("turning"))
    (dags / "turning.py").write_text(BROKEN)
    until(lambda: not airflow.has_dag("turning"))
    until(lambda: "turning.py" in airflow.import_errors())
    with pytest.raises(StackError) as told:
        start(airflow, "turning", {}, label="turning")
    assert "ConfigError: roles.yaml:2: it is broken\nroles.yaml:3: that too\n" in str(told.value)
    assert "Traceback" not in str(told.value)
    result = CliRunner().invoke(app, ["doctor", "--state", str(info.state), "--json"])
    found = {it["what"]: it for group in json.loads(result.output)["groups"] for it in group["findings"]}
    assert found["DAG file turning.py"]["verdict"] == "fail"
    assert "roles.yaml:3: that too" in found["DAG file turning.py"]["said"]
    assert found["DAG file turning.py"]["remedy"]


def test_a_question_can_be_answered_only_once_and_only_with_its_options(
    airflow: AirflowClient, asking: Callable[[int], Question]
) -> None:
    question = asking(1)
    with pytest.raises(InvalidInput, match="one of Approve, Reject"):
        airflow.answer(question, "Perhaps")
    airflow.answer(question, "Reject")
    with pytest.raises(InvalidInput, match="409"):
        airflow.answer(question, "Approve")
    assert ended(airflow, question.run_id).state == "success"


def test_runs_and_questions_are_found_by_a_part_of_their_names(
    airflow: AirflowClient, asking: Callable[[int], Question]
) -> None:
    question = asking(5)
    assert find_run(airflow, question.run_id[-12:]).run_id == question.run_id
    assert find_run(airflow, f"tiny/{question.run_id}").run_id == question.run_id
    assert find_run(airflow, None).run_id == question.run_id
    assert find_question(airflow, "gate").id == find_question(airflow, None).id == question.id
    with pytest.raises(InvalidInput, match="no run is called"):
        find_run(airflow, "no-such-run")


def test_the_newest_run_is_found_however_many_runs_of_other_workflows_there_have_been_since(
    airflow: AirflowClient, asking: Callable[[int], Question]
) -> None:
    question = asking(6)
    until(lambda: airflow.has_dag("busy"))
    for _ in range(3):
        airflow.trigger("busy", {})
    assert [run.run_id for run in airflow.runs_without(["busy"], limit=1)] == [question.run_id]


def test_the_command_line_lists_rejects_and_shows(
    info: StackInfo, airflow: AirflowClient, asking: Callable[[int], Question]
) -> None:
    question = asking(2)
    assert question.id in bridle(info, "approvals")
    assert "Rejected" in bridle(info, "approve", question.run_id, "--reject", "--feedback", "not today")
    assert ended(airflow, question.run_id).state == "success"
    assert question.run_id in bridle(info, "runs", "--json")
    assert '"state": "success"' in bridle(info, "show", question.run_id, "--json")


def test_a_stopped_run_ends_although_it_waits_for_a_human(
    info: StackInfo, airflow: AirflowClient, asking: Callable[[int], Question]
) -> None:
    question = asking(3)
    assert f"Stopped: run:tiny/{question.run_id}" in bridle(info, "stop", question.run_id)
    assert ended(airflow, question.run_id).state == "failed"
    assert "May go on" in bridle(info, "resume", question.run_id)


@pytest.mark.parametrize(
    ("dag_id", "conf", "said"), [("tiny", {"n": "x"}, "not of type 'integer'"), ("unknown", {}, "unknown")]
)
def test_a_run_that_cannot_be_started_says_why(
    airflow: AirflowClient, dag_id: str, conf: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        airflow.trigger(dag_id, conf)


def test_who_started_a_run_that_airflow_has_forgotten_is_unknown(airflow: AirflowClient) -> None:
    """The ledger keeps its costs for longer."""
    assert airflow.started_by("tiny", "manual__1970") == "unknown"


def test_a_wrong_password_a_wrong_token_and_a_dead_server_are_told_apart(info: StackInfo) -> None:
    with pytest.raises(CredentialError, match="does not let 'admin' in"):
        AirflowClient.login(info.url, "admin", "wrong").health()
    with pytest.raises(CredentialError, match=r"40[13]"):
        AirflowClient(info.url, token="wrong").runs()
    with pytest.raises(AirflowDown, match="bridle up"):
        AirflowClient(f"http://127.0.0.1:{free_port()}", token="any").health()


def test_a_token_that_airflow_no_longer_accepts_is_replaced(info: StackInfo) -> None:
    tokens = iter(["stale", info.token()])
    with AirflowClient(info.url, token=lambda: next(tokens)) as client:
        assert client.health()["scheduler"] == "healthy"
        assert isinstance(client.runs(), list)
