"""The `bridle` command as a whole."""

import json
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from bridle.cli import app

HEAVY = ("airflow", "anthropic", "openai", "pydantic_ai", "claude_agent_sdk", "sqlalchemy", "fastapi")


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, bridle.cli; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not set(HEAVY) & set(loaded.split())


def test_an_error_is_one_line_on_stderr_and_exit_code_1(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["up", "--state", str(tmp_path / "s"), "--dags", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert done.stderr.startswith("bridle: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_status_of_a_stack_that_is_not_up_fails_and_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["status", "--json", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"phase": "stopped"}


def test_down_of_a_stack_that_is_not_up_is_no_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["down", "--state", str(tmp_path)]).exit_code == 0


def test_init_says_what_to_do_next(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert done.exit_code == 0
    assert "roles.yaml" in done.stdout
    assert "bridle migrate" in done.stderr
