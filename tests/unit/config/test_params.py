"""The trigger form of the shipped workflows."""

from pathlib import Path

import pytest
from airflow.sdk import DAG

from bridle.config.starter import starter_dir
from bridle.params import issue_fix_params

DAG_FILE = starter_dir() / "dags" / "issue_fix.py"

ALLOW_LIST = """
repositories:
  acme/widgets: {checks: {tests: make test, types: make types}}
  acme/gears: {checks: {tests: make test}}
"""


@pytest.fixture(params=[ALLOW_LIST, "repositories: {}"], ids=["two repositories", "none"])
def allow_list(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repositories.yaml"
    path.write_text(request.param)
    monkeypatch.setenv("AIRFLOW__BRIDLE__REPOSITORIES_FILE", str(path))
    return path


def test_the_form_can_be_sent_as_it_is(allow_list: Path) -> None:
    """Airflow's form calls a field required unless it may be null, and refuses required ones left empty."""
    params = issue_fix_params(beside=DAG_FILE)
    required = {name: param for name, param in params.items() if "null" not in param.schema["type"]}
    assert [name for name, param in required.items() if param.resolve() in ("", [], None)] == []
    assert DAG("workflow", params=params).params.validate()


def test_what_is_left_empty_and_what_is_chosen_fits(allow_list: Path) -> None:
    params = issue_fix_params(beside=DAG_FILE)
    for name in ("base", "check", "budget_usd", "approvals"):
        params[name].resolve(None)
    params["base"].resolve("release-2")
    params["approvals"].resolve([])
    for check in params["check"].schema["enum"]:
        params["check"].resolve(check)
