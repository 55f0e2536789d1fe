"""`bridle doctor`, as a user calls it: what is well, what is not, what to do, and an exit code."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from bridle.testing.git_repository import GitRepository
from bridle.testing.model_server import ModelServer

BRIDLE = Path(sys.executable).parent / "bridle"


@dataclass(frozen=True)
class Told:
    """What the doctor said."""

    exit_code: int
    data: dict[str, Any]

    def about(self, what: str) -> dict[str, str]:
        """The finding called so."""
        every = [finding for group in self.data["groups"] for finding in group["findings"]]
        return next(finding for finding in every if finding["what"] == what)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Of somebody who has nothing of Airflow's set but this."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "BRIDLE", "CLAUDE"))
    }
    return {**kept, "HOME": str(folder), **more}


def doctor(folder: Path, env: Mapping[str, str]) -> Told:
    """Ask it, from `folder`."""
    done = subprocess.run(
        [BRIDLE, "doctor", "--json"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return Told(done.returncode, json.loads(done.stdout))


@pytest.fixture
def installed(tmp_path: Path, ledger_url: str) -> "Installed":
    return Installed(tmp_path, ledger_url)


class Installed:
    """An Airflow with a ledger, a model and a repository; no component runs."""

    def __init__(self, folder: Path, ledger_url: str) -> None:
        self.folder = folder
        self.user = GitRepository(folder / "user", {"a.txt": "a\n"})
        (folder / "issues").mkdir()
        self.entry: dict[str, Any] = {
            "forge": "local",
            "url": self.user.path.as_uri(),
            "issues": str(folder / "issues"),
            "checks": {"tests": "true"},
        }
        self.model = "http://127.0.0.1:9"
        self.ledger_url = ledger_url

    def told(self, **more: str) -> Told:
        """What the doctor says of it."""
        listed = self.folder / "repositories.yaml"
        listed.write_text(yaml.safe_dump({"repositories": {"demo": self.entry}}))
        env = environment(
            self.folder,
            AIRFLOW_HOME=str(self.folder / "airflow"),
            AIRFLOW__BRIDLE__REPOSITORIES_FILE=str(listed),
            AIRFLOW_CONN_BRIDLE_LEDGER=self.ledger_url.replace("postgresql+psycopg", "postgresql"),
            AIRFLOW_CONN_BRIDLE_ANTHROPIC=json.dumps(
                {"conn_type": "bridle_model", "host": self.model, "password": "a-key"}
            ),
        )
        return doctor(self.folder, env | more)


def test_where_there_is_nothing_it_says_what_is_missing_and_leaves_nothing(tmp_path: Path) -> None:
    told = doctor(tmp_path, environment(tmp_path))
    assert told.exit_code == 1
    assert told.about("git")["verdict"] == "ok"
    assert told.about("ledger")["verdict"] == "fail"
    assert "bridle up" in told.about("ledger")["remedy"]
    assert "AIRFLOW_CONN_BRIDLE_ANTHROPIC" in told.about("provider anthropic")["said"]
    assert told.about("Airflow's settings")["verdict"] == "unseen"
    assert not (tmp_path / "airflow").exists()
    assert not (tmp_path / ".bridle").exists()


def test_what_is_well_is_well(installed: Installed, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(yaml.safe_dump({"step": [[{"text": "hello"}]]}))
    with ModelServer(script) as model:
        installed.model = model.url
        told = installed.told()
        assert model.requests() == []  # nothing was bought
    wanted = ("ledger", "migrations", "partitions", "clock", "provider anthropic", "repository demo", "disk")
    assert {what: told.about(what)["verdict"] for what in (*wanted, "issues of demo")} == dict.fromkeys(
        (*wanted, "issues of demo"), "ok"
    ), told.data


def test_an_exporter_that_does_not_fit_its_endpoint_is_told(installed: Installed) -> None:
    on = {"AIRFLOW__TRACES__OTEL_ON": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    found = installed.told(**on)
    assert "OTEL_TRACES_EXPORTER=otlp_proto_http" in found.about("traces")["remedy"]
    assert "OTEL_EXPORTER_OTLP_TIMEOUT" in found.about("traces: time-out")["remedy"]
    found = installed.told(**on, OTEL_TRACES_EXPORTER="otlp_proto_http")
    assert found.about("traces")["verdict"] == "ok"


@pytest.mark.parametrize("mode", [{"GATEWAY_MODE": "replay"}, {"GATEWAY_MODE": "record", "SCRIPT": "s.yaml"}])
def test_where_no_model_is_called_no_key_is_asked_for(installed: Installed, mode: dict[str, str]) -> None:
    told = installed.told(**{f"AIRFLOW__BRIDLE__{name}": value for name, value in mode.items()})
    assert told.about("models")["verdict"] == "unseen"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(402, b"{}", "has no credit"), (200, b"<!doctype html><html></html>", "a page and not with JSON")],
    ids=["no credit", "a page"],
)
def test_a_provider_is_judged_as_a_session_would_judge_it(
    installed: Installed, status: int, body: bytes, said: str
) -> None:
    with answering(status, body) as installed.model:
        found = installed.told().about("provider anthropic")
    assert (found["verdict"], said in found["said"]) == ("fail", True), found


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers every GET like this; the block gets its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        running.join()


def test_each_thing_that_is_wrong_has_its_own_remedy(installed: Installed) -> None:
    """An unreachable model, a missing branch, a missing folder, a ledger behind, fast retries."""
    installed.entry |= {"base": "trunk", "issues": "/nowhere"}
    with psycopg.connect(installed.ledger_url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE bridle.alembic_version SET version_num = '0000'")
    told = installed.told(AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL="30")
    assert told.exit_code == 1
    assert told.about("provider anthropic")["verdict"] == "fail"
    assert "trunk" in told.about("repository demo")["said"]
    assert "main" in told.about("repository demo")["said"]
    assert "/nowhere" in told.about("issues of demo")["said"]
    assert told.about("migrations")["remedy"] == "bridle migrate"
    heartbeat = told.about("[workers] min_heartbeat_interval")
    assert heartbeat["remedy"] == "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL=1"
    assert all(
        finding["remedy"]
        for group in told.data["groups"]
        for finding in group["findings"]
        if finding["verdict"] == "warn"
    )


def test_a_malformed_file_is_told_with_its_line_and_the_rest_is_looked_at_all_the_same(
    installed: Installed,
) -> None:
    installed.entry["chekcs"] = {}
    told = installed.told()
    assert "repositories.yaml:" in told.about("repositories")["said"]
    assert told.about("ledger")["verdict"] == "ok"


def test_an_agent_that_no_package_brings_is_told_with_those_that_there_are(
    installed: Installed, tmp_path: Path
) -> None:
    roles = tmp_path / "roles.yaml"
    roles.write_text(
        yaml.safe_dump({"roles": {"r": {"agent": "codx", "model": "anthropic:claude-haiku-4-5"}}})
    )
    found = installed.told(AIRFLOW__BRIDLE__ROLES_FILE=str(roles)).about("agents")
    assert found["verdict"] == "fail"
    assert found["said"].startswith(f"{roles}:3: roles.r.agent: agent 'codx' does not exist")
    assert "api, claude-code, codex" in found["said"]


def test_people_are_told_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [BRIDLE, "doctor"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Looking at this host alone" in done.stdout
    assert "FAIL ledger" in done.stdout
    assert "do: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
