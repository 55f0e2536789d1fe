"""What the doctor is shown: installations with one thing or many wrong, and what it said of them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from bridle.cli import app
from bridle.doctor.examination import Check
from bridle.doctor.patient import Patient
from bridle.process.strength import detect
from bridle.testing.git_repository import GitRepository
from bridle.workspace.git import require_git

BRIDLE = str(Path(sys.executable).parent / "bridle")
HERE: tuple[str, ...] = ()
"""In place of a program: the command itself, in this process, which has Airflow imported already."""


@dataclass(frozen=True)
class Seen:
    """A finding as a test expects it."""

    what: str
    verdict: str
    says: tuple[str, ...]
    """Words that its message must have."""
    remedy: str = ""
    """Words that its remedy must have."""

    def __str__(self) -> str:
        return f"{self.what}: {self.says[0]}"

    def check(self, findings: Sequence[Mapping[str, str]]) -> None:
        """Fail unless it is among `findings`: what was seen, how bad it is, and a remedy where one is due."""
        found = next(finding for finding in findings if finding["what"] == self.what)
        assert found["verdict"] == self.verdict, found
        assert [word for word in self.says if word not in found["said"]] == [], found
        assert self.remedy in found["remedy"], found
        assert bool(found["remedy"]) == (self.verdict in ("warn", "fail")), found


@dataclass(frozen=True)
class Told:
    """What the doctor said."""

    exit_code: int
    data: dict[str, Any]

    @property
    def findings(self) -> list[dict[str, str]]:
        """All of them, in order."""
        return [finding for group in self.data["groups"] for finding in group["findings"]]

    def about(self, what: str) -> dict[str, str]:
        """The finding called so."""
        return next(finding for finding in self.findings if finding["what"] == what)

    def check(self, *expected: Seen) -> None:
        """Fail unless each of `expected` was found, and the exit code says whether something is wrong."""
        for seen in expected:
            seen.check(self.findings)
        wrong = [finding for finding in self.findings if finding["verdict"] == "fail"]
        assert (self.exit_code, self.data["counts"]["fail"]) == (bool(wrong), len(wrong))


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Of somebody who has nothing of Airflow's set but this."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "BRIDLE", "CLAUDE", "OTEL"))
    }
    return {**kept, "HOME": str(folder), **more}


def doctor(
    folder: Path,
    env: Mapping[str, str],
    *,
    within: Sequence[str] = (),
    program: Sequence[str] = (BRIDLE,),
) -> Told:
    """Ask it, from `folder`.

    Args:
        folder: where it is called.
        env: its whole environment.
        within: a command line that starts it, for instance in a namespace.
        program: `bridle`, or what stands for it; `HERE`: none.
    """
    if program == HERE:
        return _asked_here(folder, env)
    done = subprocess.run(
        [*within, *program, "doctor", "--json"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return Told(done.returncode, json.loads(done.stdout))


def _asked_here(folder: Path, env: Mapping[str, str]) -> Told:
    known = (detect, require_git) if env.get("PATH") != os.environ.get("PATH") else ()
    # what follows from AIRFLOW_HOME is known for good since Airflow was imported
    home = env.get("AIRFLOW_HOME", f"{folder}/airflow")
    follows = {
        "AIRFLOW__BRIDLE__HOME": f"{home}/bridle",
        "AIRFLOW__CORE__DAGS_FOLDER": f"{home}/dags",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    with ExitStack() as stack:
        for function in known:
            function.cache_clear()
            stack.callback(function.cache_clear)
        stack.enter_context(chdir(folder))
        stack.enter_context(_environment(follows | dict(env)))
        done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.stdout, done.exception
    return Told(done.exit_code, json.loads(done.stdout))


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """This process's whole environment for as long as the block runs."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def looked_at(check: Check, folder: Path, *, configured: bool = True) -> list[dict[str, str]]:
    """What one check finds in this process's environment."""
    return [asdict(finding) for finding in check(Patient(folder / ".bridle", None, configured))]


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
        self.name = "demo"
        self.model = "http://127.0.0.1:9"
        self.ledger_url = ledger_url
        self.connections: dict[str, str] = {}

    def env(self, **more: str) -> dict[str, str]:
        """The environment of its tasks; its repositories.yaml is written."""
        listed = self.folder / "repositories.yaml"
        listed.write_text(yaml.safe_dump({"repositories": {self.name: self.entry}}))
        env = environment(
            self.folder,
            AIRFLOW_HOME=str(self.folder / "airflow"),
            AIRFLOW__BRIDLE__REPOSITORIES_FILE=str(listed),
            AIRFLOW_CONN_BRIDLE_LEDGER=self.ledger_url.replace("postgresql+psycopg", "postgresql"),
            AIRFLOW_CONN_BRIDLE_ANTHROPIC=json.dumps(
                {"conn_type": "bridle_model", "host": self.model, "password": "a-key"}
            ),
        )
        return env | self.connections | more

    def told(self, *, program: Sequence[str] = HERE, **more: str) -> Told:
        """What the doctor says of it."""
        return doctor(self.folder, self.env(**more), program=program)


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


def without(folder: Path, *programs: str) -> str:
    """A PATH with everything that this process's has, but for `programs`."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for path in Path(place).glob("*") if place else ():
            link = folder / path.name
            if path.name not in programs and not link.is_symlink():
                link.symlink_to(path)
    return str(folder)


def instead(folder: Path, name: str, script: str) -> str:
    """A PATH whose `name` is a shell script; the rest is as it was."""
    path = Path(without(folder, name))
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)
    return str(path)
