"""A step as Airflow would run it, with one thing wrong: real operators, ledger, git, model server."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import yaml

from bridle.errors import BridleError, Transient
from bridle.forge.document import Document
from bridle.testing.git_repository import GitRepository
from bridle.testing.model_server import ModelServer
from bridle.workspace.fingerprint import fingerprint

NAME = "demo/shop"
CLOSED_PORT = "postgresql://bridle:secret@127.0.0.1:1/bridle"
SAYS_HELLO = {"step": [[{"text": "Hello."}]]}


@dataclass(frozen=True)
class Told:
    """The error that a user sees."""

    kind: str
    message: str
    again: bool
    """Whether Airflow tries again."""

    @classmethod
    def of(cls, error: BridleError) -> "Told":
        return cls(type(error).__name__, str(error), isinstance(error, Transient))


@dataclass
class Scene:
    """Everything as it should be; a mistake changes one thing and then acts."""

    folder: Path
    ledger_url: str
    user: GitRepository
    model: ModelServer
    patch: pytest.MonkeyPatch
    hidden: tuple[Path, ...] = ()
    """Further places that sessions do not see."""

    def __post_init__(self) -> None:
        self.repository: dict[str, Any] = {
            "forge": "local",
            "url": self.user.path.as_uri(),
            "issues": str(self.folder / "issues"),
            "checks": {"tests": "true"},
        }
        self.role: dict[str, Any] = {"agent": "api", "model": "anthropic:claude-haiku-4-5"}
        self.roles_text = ""
        self.prompts = {"fix.md": "Fix {{ issue }}.\n"}
        self.issue: dict[str, Any] = {"title": "It is broken", "author": "ada", "association": "OWNER"}
        self.before = fingerprint(self.user.path)
        self.connect(
            "bridle_anthropic", {"conn_type": "bridle_model", "host": self.model.url, "password": "key"}
        )
        self.connect("bridle_ledger", self.ledger_url.replace("postgresql+psycopg", "postgresql"))
        self.set("AIRFLOW__BRIDLE__HOME", str(self.home))
        self.set("AIRFLOW__BRIDLE__INCLUDE_DIR", str(self.folder / "include"))
        self.set("AIRFLOW__BRIDLE__ALLOW_UNSANDBOXED", "True")

    @property
    def home(self) -> Path:
        """Bridle's folder on this host."""
        return self.folder / "home"

    def set(self, variable: str, value: str) -> None:
        """Set a variable of the task's environment."""
        self.patch.setenv(variable, value)

    def connect(self, conn_id: str, connection: str | dict[str, Any] | None) -> None:
        """Make an Airflow connection, or take it away."""
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        if connection is None:
            self.patch.delenv(variable, raising=False)
        else:
            self.set(variable, connection if isinstance(connection, str) else json.dumps(connection))

    def write(self) -> None:
        """Lay out what the user has written."""
        include = self.folder / "include"
        (include / "prompts").mkdir(parents=True, exist_ok=True)
        for name, text in self.prompts.items():
            (include / "prompts" / name).write_text(text)
        roles = self.roles_text or yaml.safe_dump({"roles": {"implementer": self.role}})
        (include / "roles.yaml").write_text(roles)
        (include / "repositories.yaml").write_text(yaml.safe_dump({"repositories": {NAME: self.repository}}))
        (self.folder / "issues").mkdir(exist_ok=True)
        Document(self.issue, "It does not work.").write(self.folder / "issues" / "1.md")

    def fetch(self, number: int = 1, base: str = "", repo: str = NAME) -> dict[str, Any]:
        """The step that every workflow begins with."""
        from bridle import FetchIssueOperator

        return self._run(
            lambda: FetchIssueOperator(task_id="fetch_issue", repo=repo, number=number, base=base)
        )

    def session(self, **arguments: Any) -> dict[str, Any]:
        """A step with an agent and a check."""
        from bridle import AgentSessionOperator

        wanted = {
            "role": "implementer",
            "prompt": "fix.md",
            "inputs": {"issue": "it"},
            "check": "",
            "repo": NAME,
        }
        return self._run(lambda: AgentSessionOperator(task_id="step", **(wanted | arguments)))

    def search(self, scope: str) -> dict[str, Any]:
        """The step that looks for the round that went wrong."""
        from bridle import BisectOperator

        run = SimpleNamespace(triggering_user_name="ada")
        return self._run(
            lambda: BisectOperator(task_id="bisect", scope=scope, check="", jobs=1), {"dag_run": run}
        )

    def _run(self, operator: Callable[[], Any], context: Any = None) -> dict[str, Any]:
        from bridle.config.settings import Settings
        from bridle.harness.step import open_step
        from bridle.ledger.ids import new_id
        from bridle.ledger.records import Attempt, StepKey

        self.write()
        made = operator()
        settings = Settings.load()
        settings = replace(settings, secret_places=(*settings.secret_places, *self.hidden))
        attempt = Attempt(StepKey("dag", "run", made.task_id), str(new_id()), 1, 0)
        with open_step(
            attempt, settings=settings, beside=None, budget_usd=None, stop=threading.Event()
        ) as step:
            return dict(made.work(step, context or {}).xcom())

    def told(self, act: Callable[["Scene"], object]) -> Told:
        """The error that `act` ends with."""
        try:
            done = act(self)
        except BridleError as error:
            return Told.of(error)
        raise AssertionError(f"no error: {done}")

    def left_behind(self) -> list[str]:
        """What the mistake has left: clones, changes in the user's repository, sessions that are open."""
        left = [f"folder {path.name}" for path in (self.home / "sessions").glob("*")]
        left += [
            f"in the user's repository: {change}"
            for change in fingerprint(self.user.path).changes_since(self.before)
        ]
        with psycopg.connect(self.ledger_url.replace("+psycopg", "")) as connection:
            if connection.execute("SELECT to_regclass('bridle.session')").fetchone() != (None,):
                rows = connection.execute("SELECT id FROM bridle.session WHERE outcome IS NULL").fetchall()
                left += [f"open session {row[0]}" for row in rows]
        return left

    def on_record(self) -> list[tuple[str, str]]:
        """What the ledger says has failed: kind and reason."""
        with psycopg.connect(self.ledger_url.replace("+psycopg", "")) as connection:
            if connection.execute("SELECT to_regclass('bridle.failure')").fetchone() == (None,):
                return []
            return connection.execute("SELECT kind, reason FROM bridle.failure ORDER BY id").fetchall()

    def spent(self) -> float:
        """US dollars in the ledger."""
        with psycopg.connect(self.ledger_url.replace("+psycopg", "")) as connection:
            if connection.execute("SELECT to_regclass('bridle.model_call')").fetchone() == (None,):
                return 0.0
            row = connection.execute("SELECT coalesce(sum(cost), 0) FROM bridle.model_call").fetchone()
        return float(row[0]) if row else 0.0


def without(folder: Path, *programs: str) -> str:
    """A PATH with everything that this process's has, but for `programs`."""
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(place).glob("*") if place else ():
            link = folder / path.name
            if path.name not in programs and not link.is_symlink():
                link.symlink_to(path)
    return str(folder)
