"""The connection type in Airflow's form."""

import json
import subprocess
import sys

import pytest

from bridle.gateway.connection import ModelHook


def test_the_form_asks_for_a_key_and_an_address() -> None:
    """As Airflow 3.3 reads it: from the provider's metadata, not from the hook."""
    program = (
        "import json; from airflow.providers_manager import ProvidersManager\n"
        "pm = ProvidersManager()\n"
        "meta = {it.connection_type: it for it in pm.iter_connection_type_hook_ui_metadata()}\n"
        "print(json.dumps(meta['bridle_model'].field_behaviour))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    form = json.loads(out.splitlines()[-1])
    assert form["relabeling"] == {"password": "API key", "host": "Base URL"}
    assert form["hidden_fields"] == ["login", "schema", "port"]


def test_importing_it_loads_nothing_heavy() -> None:
    program = "import sys, bridle.gateway.connection; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"airflow", "httpx", "starlette", "uvicorn", "pydantic", "sqlalchemy"} & set(loaded.split())


def test_testing_a_connection_that_goes_nowhere_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    given = '{"conn_type": "bridle_model", "host": "http://127.0.0.1:9"}'
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_NOWHERE", given)
    ok, said = ModelHook("bridle_nowhere").test_connection()
    assert (ok, said.split(":")[0]) == (False, "http")
    assert "http://127.0.0.1:9/v1/models cannot be reached" in said
