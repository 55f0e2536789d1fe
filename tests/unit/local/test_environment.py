"""What Airflow's components of a local stack are told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridle.local.environment import Addresses, airflow_environment
from bridle.local.folder import StateFolder
from bridle.local.keys import Keys
from bridle.local.options import StackOptions

ADDRESSES = Addresses(
    port=18080,
    metadata="postgresql+psycopg://u:p@127.0.0.1:1/airflow",
    ledger="postgresql+psycopg://owner:p@127.0.0.1:1/bridle",
    ledger_for_tasks="postgresql+psycopg://u:p%40ss@127.0.0.1:1/bridle?sslmode=require",
)


def environment(tmp_path: Path, base: dict[str, str], env: dict[str, str] | None = None) -> dict[str, str]:
    options = StackOptions(dags=tmp_path, include=tmp_path, env=env or {})
    return airflow_environment(StateFolder(tmp_path), options, Keys(), ADDRESSES, base=base)


@pytest.mark.parametrize(
    "name",
    ["AIRFLOW_HOME", "AIRFLOW__API__HOST", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"],
)
def test_what_makes_the_stack_cannot_be_changed_by_the_callers_environment(tmp_path: Path, name: str) -> None:
    assert environment(tmp_path, {name: "theirs"})[name] != "theirs"


def test_the_callers_airflow_settings_win_over_our_tuning(tmp_path: Path) -> None:
    name = "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"
    assert environment(tmp_path, {name: "7"})[name] == "7"


def test_given_variables_win_over_everything(tmp_path: Path) -> None:
    assert environment(tmp_path, {"A": "1"}, {"A": "2", "AIRFLOW__CORE__PARALLELISM": "1"}).items() >= {
        ("A", "2"),
        ("AIRFLOW__CORE__PARALLELISM", "1"),
    }


def test_another_installations_configuration_is_left_behind(tmp_path: Path) -> None:
    base = {"AIRFLOW_CONFIG": "/etc/airflow.cfg", "PYTHONDONTWRITEBYTECODE": "1"}
    assert not base.keys() & environment(tmp_path, base).keys()


def test_files_of_the_folder_where_the_stack_was_started_hide_no_library(tmp_path: Path) -> None:
    """Components are modules that Python runs, and it would look for everything else in that folder first."""
    (tmp_path / "github.py").write_text("raise SystemExit('the file of the user')\n")
    command = [sys.executable, "-m", "runpy", "github"]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path, {}), capture_output=True, check=False
    )
    assert b"the file of the user" not in run.stderr


def test_the_ledger_is_a_connection_with_its_query_kept(tmp_path: Path) -> None:
    connection = json.loads(environment(tmp_path, {})["AIRFLOW_CONN_BRIDLE_LEDGER"])
    assert connection["password"] == "p@ss"
    assert connection["schema"] == "bridle"
    assert connection["extra"] == {"sslmode": "require"}


def test_the_loopback_is_never_behind_the_users_proxy(tmp_path: Path) -> None:
    assert environment(tmp_path, {"no_proxy": "internal"})["NO_PROXY"] == "internal,127.0.0.1,localhost"
