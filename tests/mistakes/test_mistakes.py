"""Each mistake has one clear error that says what, where and what to do; nothing is left, nothing is spent.

What is seen is on record in docs/errors.yaml, which `pytest tests/mistakes --write-messages` renews.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import yaml
from mistakes_book import HOSTS, entry, keep, recorded
from mistakes_scene import CLOSED_PORT, NAME, Scene

from bridle.errors import FenceLost
from bridle.process.sandbox import Isolation
from bridle.process.strength import detect
from bridle.testing.git_repository import GitRepository
from bridle.testing.model_server import ModelServer

Act = Callable[[Scene], object]


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, and the words without which its error would be of no use."""

    what: str
    act: Act
    says: tuple[str, ...]
    calls: int = 0
    """Requests that reach the provider: it must be asked to say that a key is wrong. None is paid for."""


def unknown_repository(scene: Scene) -> object:
    scene.repository["url"] = (scene.folder / "nowhere").as_uri()
    return scene.fetch()


def no_ledger_connection(scene: Scene) -> object:
    scene.connect("bridle_ledger", None)
    return scene.fetch()


def no_model_connection(scene: Scene) -> object:
    scene.connect("bridle_anthropic", None)
    return scene.session()


def no_forge_connection(scene: Scene) -> object:
    scene.repository = {"connection": "github_mine", "checks": {"tests": "true"}}
    return scene.fetch()


def refused(status: int) -> Act:
    def act(scene: Scene) -> object:
        script = {"step": [[{"text": "Hello.", "fail": [status] * 9}]]}
        (scene.folder / "refusing.yaml").write_text(yaml.safe_dump(script))
        with ModelServer(scene.folder / "refusing.yaml") as model:
            scene.model = model
            connection = {"conn_type": "bridle_model", "host": model.url, "password": "wrong"}
            scene.connect("bridle_anthropic", connection)
            return scene.session()

    return act


def no_claude(scene: Scene) -> object:
    if detect().works[0] is not Isolation.SANDBOX:
        pytest.skip("only a sandbox can hide it")
    spec = find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        pytest.skip("the extra `claude` is not installed")
    scene.hidden = (Path(spec.origin).parent / "_bundled",)
    scene.role["agent"] = "claude-code"
    return scene.session()


def no_check_program(scene: Scene) -> object:
    scene.repository["checks"] = {"tests": "CI=1 pytset -q tests"}
    return scene.session()


def no_check(scene: Scene) -> object:
    return scene.session(check="lint")


def closed(scene: Scene) -> object:
    scene.issue["state"] = "closed"
    return scene.fetch()


def locked(scene: Scene) -> object:
    scene.issue["locked"] = True
    return scene.fetch()


def stranger(scene: Scene) -> object:
    scene.issue |= {"author": "mallory", "association": "NONE"}
    return scene.fetch()


def undefined_variable(scene: Scene) -> object:
    scene.prompts["fix.md"] = "Fix {{ isue }}.\n"
    return scene.session()


def prompt_syntax(scene: Scene) -> object:
    scene.prompts["fix.md"] = "Fix it.\n{% if issue %}\n"
    return scene.session()


def malformed_roles(text: str) -> Act:
    def act(scene: Scene) -> object:
        scene.roles_text = text
        return scene.session()

    return act


def ledger_down(scene: Scene) -> object:
    scene.connect("bridle_ledger", CLOSED_PORT)
    return scene.fetch()


def schema_at(version: str | None) -> Act:
    def act(scene: Scene) -> object:
        with psycopg.connect(scene.ledger_url.replace("+psycopg", "")) as connection:
            if version is None:
                connection.execute("DROP SCHEMA bridle CASCADE")
            else:
                connection.execute("UPDATE bridle.alembic_version SET version_num = %s", [version])
        return scene.fetch()

    return act


def token_in_url(scene: Scene) -> object:
    scene.repository["url"] = "https://ghp_secret@github.com/demo/shop.git"
    return scene.fetch()


def token_in_connection(scene: Scene) -> object:
    host = scene.model.url.replace("http://", "http://ada:secret@")
    scene.connect("bridle_anthropic", {"conn_type": "bridle_model", "host": host, "password": "key"})
    return scene.session()


def no_commits(scene: Scene) -> object:
    scene.repository["url"] = GitRepository(scene.folder / "empty").path.as_uri()
    return scene.fetch()


def no_issues_folder(scene: Scene) -> object:
    scene.repository["issues"] = str(scene.folder / "no-such-folder")
    return scene.fetch()


MISTAKES = {
    "repository-unknown": Mistake(
        "A repository that is not where `url` says", unknown_repository, ("nowhere", "repositories.yaml")
    ),
    "repository-not-allowed": Mistake(
        "A repository that is not on the allow-list",
        lambda scene: scene.fetch(repo="evil/shop"),
        ("evil/shop", "allow-list", NAME, "Add it"),
    ),
    "repository-address": Mistake(
        "An address with a token in it where a repository's name belongs",
        lambda scene: scene.fetch(repo="https://ghp_secret@github.com/demo/shop"),
        ("has a credential in it", "Airflow connection", NAME),
    ),
    "repository-credential": Mistake(
        "A repository's url with a token in it",
        token_in_url,
        ("repositories.yaml:", ".url", "has a credential in it", "Airflow connection"),
    ),
    "connection-credential": Mistake(
        "A connection to a model whose host has a password in it",
        token_in_connection,
        ("bridle_anthropic", "has a credential in it", "password of the Airflow connection"),
    ),
    "repository-empty": Mistake("A repository without commits", no_commits, ("no commits", "push")),
    "branch-missing": Mistake(
        "A base branch that is not there", lambda scene: scene.fetch(base="trunk"), ("trunk", "main")
    ),
    "connection-ledger": Mistake(
        "No connection to the ledger", no_ledger_connection, ("bridle_ledger", "AIRFLOW_CONN_BRIDLE_LEDGER")
    ),
    "connection-model": Mistake(
        "No connection with a model's key", no_model_connection, ("bridle_anthropic", "bridle_model")
    ),
    "connection-forge": Mistake("No connection to GitHub", no_forge_connection, ("github_mine", "token")),
    "key-refused": Mistake("A wrong key", refused(401), ("bridle_anthropic", "refused the API key"), calls=1),
    "no-credit": Mistake("A key without credit", refused(402), ("bridle_anthropic", "no credit"), calls=1),
    "claude-missing": Mistake("No Claude Code on this host", no_claude, ("not installed", "pip install")),
    "check-program-missing": Mistake(
        "A check whose program is not installed", no_check_program, ("pytset", "tests", "repositories.yaml")
    ),
    "check-unknown": Mistake(
        "A check that the repository has not", no_check, ("lint", "repositories.yaml", "tests")
    ),
    "issue-missing": Mistake(
        "An issue that is not there", lambda scene: scene.fetch(7), ("7", "there are: 1")
    ),
    "issues-folder-missing": Mistake(
        "A folder of issues that is not there", no_issues_folder, ("no-such-folder",)
    ),
    "issue-closed": Mistake("A closed issue", closed, ("#1", NAME, "closed")),
    "issue-locked": Mistake("A locked issue", locked, ("#1", NAME, "locked")),
    "issue-stranger": Mistake(
        "An issue of somebody who may not give work", stranger, ("mallory", "authors", "repositories.yaml")
    ),
    "prompt-missing": Mistake(
        "A prompt file that is not there",
        lambda scene: scene.session(prompt="fxi.md"),
        ("prompts/fxi.md", "include_dir"),
    ),
    "prompt-undefined": Mistake(
        "A prompt with a name that it is not given", undefined_variable, ("fix.md", "isue", "issue")
    ),
    "prompt-syntax": Mistake("A prompt that is no template", prompt_syntax, ("fix.md:", "endif")),
    "role-unknown": Mistake(
        "A role that roles.yaml has not",
        lambda scene: scene.session(role="wizard"),
        ("wizard", "implementer", "roles.yaml"),
    ),
    "roles-no-yaml": Mistake(
        "A roles.yaml that is no YAML",
        malformed_roles("roles:\n  implementer: {agent: api\n"),
        ("roles.yaml:",),
    ),
    "roles-misspelt": Mistake(
        "A roles.yaml with a misspelt key",
        malformed_roles("roles:\n  implementer:\n    agent: api\n    modle: anthropic:claude-haiku-4-5\n"),
        ("roles.yaml:4", "modle"),
    ),
    "search-scope": Mistake(
        "A search in something that is neither a run nor a loop",
        lambda scene: scene.search("dag/run"),
        ("dag/run", "run:dag/run", "loop:id"),
    ),
    "search-run-unknown": Mistake(
        "A search in a run that has had no session",
        lambda scene: scene.search("run:issue_fix/no-such-run"),
        ("issue_fix/no-such-run", "bridle runs"),
    ),
    "ledger-down": Mistake(
        "A ledger that cannot be reached",
        ledger_down,
        ("127.0.0.1:1/bridle", "cannot be reached", "bridle_ledger"),
    ),
    "schema-older": Mistake(
        "A ledger that is older than the code", schema_at("0001"), ("0001", "bridle migrate")
    ),
    "schema-newer": Mistake("A ledger that is newer than the code", schema_at("9999"), ("9999", "upgrade")),
    "schema-missing": Mistake("A ledger without tables", schema_at(None), ("bridle migrate",)),
}


UNRECORDED = {"connection-ledger", "ledger-down", "schema-older", "schema-newer", "schema-missing"}
"""Without a ledger there is nothing to write it into."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_clearly_at_once_and_costs_nothing(
    name: str, scene: Scene, request: pytest.FixtureRequest
) -> None:
    mistake = MISTAKES[name]
    told = scene.told(mistake.act)
    assert [word for word in mistake.says if word not in told.message] == [], told.message
    assert "secret" not in told.message
    assert len(scene.model.requests()) == mistake.calls
    assert scene.spent() == 0
    assert scene.left_behind() == []
    assert scene.on_record() == ([] if name in UNRECORDED else [(told.kind, told.message)])
    keep(request, name, entry(mistake.what, told, scene.folder))


def test_an_attempt_that_was_overtaken_puts_no_failure_on_record(scene: Scene) -> None:
    """What becomes of the step is the newer attempt's to tell."""

    def overtaken(*_: object) -> object:
        raise FenceLost("a newer attempt owns the step")

    operator = SimpleNamespace(task_id="step", work=overtaken)
    assert scene.told(lambda scene: scene._run(lambda: operator)).kind == "FenceLost"
    assert scene.on_record() == []


def test_nothing_is_wrong_with_the_scene_itself(scene: Scene) -> None:
    """Otherwise every mistake would prove nothing."""
    assert scene.fetch()["commit"] == scene.user.git("rev-parse", "main").strip()
    assert scene.session()["outcome"] == "done"
    assert len(scene.model.requests()) == 1
    assert scene.left_behind() == []


def test_nothing_is_on_record_that_no_test_makes() -> None:
    assert set(recorded()) == {*MISTAKES, *HOSTS}
