"""What the user got wrong: said clearly, at once, and without a model call."""

import json

import pytest
from e2e_browser import Dashboard
from e2e_processes import eventually
from e2e_scenario import Scenario
from e2e_stage import Stage

pytestmark = pytest.mark.timeout(600)


def unknown_issue(stage: Stage) -> None:
    assert stage.start(issue=7).ended() == "failed"


def stranger(stage: Stage) -> None:
    assert stage.start().ended() == "failed"


def unknown_role(stage: Stage) -> None:
    def error() -> str | None:
        errors = stage.airflow.import_errors()
        return next((trace for file, trace in errors.items() if file.endswith("unknown_role.py")), None)

    stage.notes["traceback"] = eventually("the DAG file is parsed", error, 240)


UNKNOWN_ISSUE = Scenario("unknown-issue", unknown_issue)
STRANGER = Scenario(
    "stranger", stranger, issue={"author": "mallory", "association": "NONE", "labels": ["bug"]}
)


def no_branch(stage: Stage) -> None:
    assert stage.start(base="trunk").ended() == "failed"


NO_BRANCH = Scenario("no-branch", no_branch)
NO_PROGRAM = Scenario("no-program", stranger, settings={"checks": {"tests": "pytset -q"}})
UNKNOWN_ROLE = Scenario("unknown-role", unknown_role)


@pytest.mark.parametrize(
    ("stage", "task_id", "said"),
    [
        (UNKNOWN_ISSUE, "fetch_issue", ("IssueError", "no issue 7", "there are: 1")),
        (STRANGER, "fetch_issue", ("IssueError", "mallory", "NONE")),
        (NO_BRANCH, "fetch_issue", ("RepositoryError", "'trunk'", "branches: main")),
        (NO_PROGRAM, "fetch_issue", ("RepositoryError", "'pytset'", "repositories.yaml")),
    ],
    indirect=["stage"],
)
def test_a_mistake_fails_at_once_and_says_what_to_do(
    stage: Stage, task_id: str, said: tuple[str, ...]
) -> None:
    """No retry, one error in the task's log, no session."""
    task = stage.run.task(task_id)
    assert (task.state, task.try_number) == ("failed", 1)
    error = stage.run.error(task_id)
    assert [word for word in said if word not in error] == []
    errors = stage.run.errors(task_id)
    assert len(errors) == 1, errors
    assert stage.run.sessions() == []
    assert stage.nothing_published()


@pytest.mark.parametrize("stage", [UNKNOWN_ISSUE], indirect=True)
def test_what_comes_after_a_mistake_points_to_the_step_that_made_it(stage: Stage) -> None:
    """The rounds have nothing to settle; why not is in another step's log."""
    error = stage.run.error("fix.settle")
    assert "no round came to a reviewed commit, because fetch_issue failed; see there" in error


@pytest.mark.parametrize("stage", [UNKNOWN_ISSUE], indirect=True)
def test_the_command_and_the_pages_tell_why_a_run_failed_that_never_had_a_session(
    stage: Stage, dashboard: Dashboard
) -> None:
    run = stage.run
    shown = stage.bridle("show", run.run_id)
    assert "fetch_issue try 1 failed: IssueError: " in shown.stdout
    assert "no issue 7" in shown.stdout
    dashboard.open("run", "failures", dag_id=run.dag_id, run_id=run.run_id)
    first = dashboard.get("failure").first.inner_text()
    assert [word for word in ("fetch_issue", "try 1", "IssueError", "no issue 7") if word not in first] == []
    dashboard.open("runs", "runs", state="failed", q=run.run_id)
    assert dashboard.get("run-row").count() == 1


@pytest.mark.parametrize("stage", [UNKNOWN_ROLE], indirect=True)
def test_a_role_that_nobody_plays_is_an_error_of_the_dag_file(stage: Stage) -> None:
    """Airflow shows it before anything runs."""
    last = str(stage.notes["traceback"]).strip().splitlines()[-1]
    assert "ConfigError: role 'wizard' is not in roles.yaml" in last
    assert "implementer" in last


@pytest.mark.parametrize("stage", [UNKNOWN_ISSUE], indirect=True)
def test_the_command_says_what_the_allow_list_has_and_starts_nothing(stage: Stage) -> None:
    """One line, not Airflow's schema of the form."""
    before = len(stage.airflow.runs("issue_fix", limit=100))
    done = stage.bridle("run", "issue-fix", "--repo", "nobody/nothing", "--issue", "1")
    assert done.returncode == 1
    (said,) = done.stderr.strip().splitlines()
    assert said.startswith("bridle: repository 'nobody/nothing' is not in repositories.yaml; it has: ")
    assert stage.scenario.name in said
    assert all("nobody" not in run.run_id for run in stage.airflow.runs("issue_fix", limit=100))
    assert before > 0


@pytest.mark.parametrize("stage", [UNKNOWN_ROLE], indirect=True)
def test_the_doctor_finds_nothing_else_wrong_with_a_running_stack(stage: Stage) -> None:
    """It sees what tasks see: the stack's settings, ledger, repositories, and one broken DAG file."""
    done = stage.bridle("doctor", "--json")
    told = json.loads(done.stdout)
    findings = {finding["what"]: finding for group in told["groups"] for finding in group["findings"]}
    broken = [what for what, finding in findings.items() if finding["verdict"] == "fail"]
    assert broken == ["DAG file unknown_role.py"]
    assert "role 'wizard'" in findings["DAG file unknown_role.py"]["said"]
    assert done.returncode == 1
    assert findings["reconnecting"]["verdict"] == "ok"
    assert findings["Airflow's API"]["verdict"] == "ok"
    assert findings[f"repository {stage.scenario.name}"]["verdict"] == "ok"
