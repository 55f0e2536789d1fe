"""What the user got wrong: said clearly, at once, and without a model call."""

import pytest
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

    stage.notes["traceback"] = eventually("the DAG file is parsed", error, 90)


UNKNOWN_ISSUE = Scenario("unknown-issue", unknown_issue)
STRANGER = Scenario(
    "stranger", stranger, issue={"author": "mallory", "association": "NONE", "labels": ["bug"]}
)
UNKNOWN_ROLE = Scenario("unknown-role", unknown_role)


@pytest.mark.parametrize(
    ("stage", "task_id", "said"),
    [
        (UNKNOWN_ISSUE, "fetch_issue", ("IssueError", "no issue 7", "there are: 1")),
        (STRANGER, "fetch_issue", ("IssueError", "mallory", "NONE")),
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


@pytest.mark.parametrize("stage", [UNKNOWN_ROLE], indirect=True)
def test_a_role_that_nobody_plays_is_an_error_of_the_dag_file(stage: Stage) -> None:
    """Airflow shows it before anything runs."""
    last = str(stage.notes["traceback"]).strip().splitlines()[-1]
    assert "ConfigError: role 'wizard' is not in roles.yaml" in last
    assert "implementer" in last
