"""Commands that cannot do what they are asked say why in one line, and start nothing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridle.cli import app
from bridle.cli.run import GATES
from bridle.params import APPROVALS


def refused(*words: str, env: dict[str, str] | None = None) -> str:
    variables = {"BRIDLE_LEDGER_URL": "", "BRIDLE_AIRFLOW_URL": "", "ANTHROPIC_API_KEY": "", **(env or {})}
    result = CliRunner().invoke(app, list(words), env=variables)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("bridle: ")
    return result.output


def test_a_live_demo_without_a_key_says_which_variable_is_missing(tmp_path: Path) -> None:
    assert "ANTHROPIC_API_KEY" in refused("demo", "--live", "--state", str(tmp_path / "demo"))
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("command", ["runs", "show", "approvals", "approve"])
def test_without_a_stack_a_command_says_how_to_start_one(command: str, tmp_path: Path) -> None:
    assert "bridle up" in refused(command, "--state", str(tmp_path))


def test_a_run_cannot_be_started_without_a_stack(tmp_path: Path) -> None:
    words = ("run", "issue-fix", "--repo", "pantry", "--issue", "1", "--state", str(tmp_path))
    assert "bridle up" in refused(*words)


def test_the_command_knows_the_gates_of_the_form() -> None:
    """It does not read them there: that would load Airflow for a typing mistake."""
    assert set(GATES) == set(APPROVALS)


def test_a_gate_that_there_is_none_of_is_told_with_those_there_are(tmp_path: Path) -> None:
    words = ("run", "issue-fix", "--repo", "pantry", "--issue", "1", "--approvals", "plan,wat")
    said = refused(*words, "--state", str(tmp_path))
    assert "'plan,wat': there is no wat; give before_pull_request or plan" in said


@pytest.mark.parametrize("words", [("stop",), ("stop", "some-run", "--all")])
def test_stop_wants_either_a_run_or_everything(words: tuple[str, ...], tmp_path: Path) -> None:
    assert "say which run, or --all" in refused(*words, "--state", str(tmp_path))


def test_another_airflow_needs_something_to_log_in_with(tmp_path: Path) -> None:
    env = {"BRIDLE_AIRFLOW_URL": "http://127.0.0.1:1", "BRIDLE_AIRFLOW_TOKEN": "", "BRIDLE_AIRFLOW_USER": ""}
    assert "BRIDLE_AIRFLOW_TOKEN" in refused("approvals", "--state", str(tmp_path), env=env)
