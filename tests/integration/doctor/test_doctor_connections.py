"""What the doctor says of providers, remotes and forges."""

import json
import shutil
from pathlib import Path

import pytest
from doctor_clinic import Installed, Seen, answering, looked_at

from bridle.doctor.connections import models
from bridle.testing.github_server import TOKEN, GitHubServer

GITHUB = "owner/sample"
PAGE = b"<!doctype html><html></html>"


@pytest.mark.parametrize("mode", [{"GATEWAY_MODE": "replay"}, {"GATEWAY_MODE": "record", "SCRIPT": "s.yaml"}])
def test_where_no_model_is_called_no_key_is_asked_for(installed: Installed, mode: dict[str, str]) -> None:
    told = installed.told(**{f"AIRFLOW__BRIDLE__{name}": value for name, value in mode.items()})
    assert told.about("models")["verdict"] == "unseen"


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (401, b"{}", ("fail", "refused the API key", "put a working key into connection bridle_anthropic")),
        (403, b"{}", ("fail", "refused the API key", "put a working key into connection bridle_anthropic")),
        (402, b"{}", ("fail", "has no credit", "put a working key into connection bridle_anthropic")),
        (429, b"{}", ("warn", "answers 429", "try again later")),
        (500, b"{}", ("warn", "answers 500", "try again later")),
        (301, b"", ("warn", "answers 301", "check the host and the key of connection bridle_anthropic")),
        (404, b"{}", ("unseen", "has no list of models", "")),
        (200, PAGE, ("fail", "a page and not with JSON", "check the host of connection bridle_anthropic")),
        (200, b'{"data": []}', ("ok", "takes connection bridle_anthropic", "")),
    ],
    ids=lambda value: value if isinstance(value, int) else "",
)
def test_a_provider_is_judged_as_a_session_would_judge_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    seen: tuple[str, str, str],
) -> None:
    verdict, said, remedy = seen
    with answering(status, body) as model:
        connection = {"conn_type": "bridle_model", "host": model, "password": "a-key"}
        monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_ANTHROPIC", json.dumps(connection))
        found = looked_at(models, tmp_path)
    Seen("provider anthropic", verdict, (said,), remedy).check(found)


def test_a_provider_whose_address_is_none_is_told_and_the_others_are_asked(installed: Installed) -> None:
    installed.model = "http://127.0.0.1:port"
    openai = {"conn_type": "bridle_model", "host": "http://127.0.0.1:9", "password": "a-key"}
    told = installed.told(AIRFLOW_CONN_BRIDLE_OPENAI=json.dumps(openai))
    told.check(
        Seen("provider anthropic", "fail", ("127.0.0.1:port",), "the connection's host"),
        Seen("provider openai", "fail", ("no answer from http://127.0.0.1:9",), "check the network"),
        Seen("provider openrouter", "fail", ("AIRFLOW_CONN_BRIDLE_OPENROUTER",), "docs/install.md"),
    )


def test_a_remote_that_is_not_there_or_does_not_answer_is_told(installed: Installed) -> None:
    installed.entry["url"] = (installed.folder / "nowhere").as_uri()
    installed.told().check(Seen("repository demo", "fail", ("nowhere", "no such repository"), "install.md"))
    installed.entry["url"] = "http://127.0.0.1:9/demo.git"
    installed.told().check(Seen("repository demo", "fail", ("got no answer",), "check the network"))


def test_a_github_without_its_connection_is_told(installed: Installed) -> None:
    installed.name, installed.entry = GITHUB, {"connection": "gh", "checks": {"tests": "true"}}
    installed.told().check(Seen(f"repository {GITHUB}", "fail", ("'gh'", "token"), "connection gh"))


@pytest.mark.parametrize(
    ("about", "seen"),
    [
        (
            {"permissions": {"push": True}, "has_issues": True},
            Seen(f"issues of {GITHUB}", "ok", ("'gh' may write to owner/sample",)),
        ),
        (
            {"permissions": {"pull": True, "push": False}, "has_issues": True},
            Seen(
                f"issues of {GITHUB}", "fail", ("'gh' may read", "not write"), "give its token write access"
            ),
        ),
        (
            {"permissions": {"push": True}, "has_issues": False},
            Seen(f"issues of {GITHUB}", "warn", ("switched off",), "switch them on"),
        ),
    ],
    ids=["well", "read only", "no issues"],
)
def test_what_a_token_may_do_on_github_is_told(
    installed: Installed, about: dict[str, object], seen: Seen
) -> None:
    with github(installed, about) as server:
        connect(installed, server, TOKEN)
        told = installed.told()
        assert server.writes() == []
    told.check(Seen(f"repository {GITHUB}", "ok", ("has the branch main",)), seen)


@pytest.mark.parametrize(
    ("token", "what"),
    [("ghp_wrong", f"repository {GITHUB}"), (TOKEN, f"issues of {GITHUB}")],
    ids=["wrong", "forbidden"],
)
def test_a_key_that_github_refuses_is_told(installed: Installed, token: str, what: str) -> None:
    with github(installed, {}) as server:
        connect(installed, server, token)
        if token == TOKEN:
            server.fail("GET", "/repos/", 403, message="Resource not accessible by personal access token")
        told = installed.told()
    told.check(Seen(what, "fail", ("'gh'", "refuse"), "token into connection gh"))


def github(installed: Installed, about: dict[str, object]) -> GitHubServer:
    """A GitHub that serves the repository, and says `about` it what GitHub would."""
    served = installed.folder / "served" / f"{GITHUB}.git"
    shutil.copytree(installed.user.path / ".git", served)
    state = installed.folder / "github.json"
    state.write_text(json.dumps({GITHUB: {"issues": {}, "pulls": {}, "about": about}}))
    return GitHubServer(Path(state), repositories=installed.folder / "served")


def connect(installed: Installed, server: GitHubServer, token: str) -> None:
    """Let the repository be that server's."""
    installed.name, installed.entry = GITHUB, {"connection": "gh", "checks": {"tests": "true"}}
    connection = {"conn_type": "github", "password": token, "host": server.api}
    installed.connections = {"AIRFLOW_CONN_GH": json.dumps(connection)}
