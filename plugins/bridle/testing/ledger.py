"""A migrated ledger for tests, fresh for each; written with the rights that tasks have."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridle.testing.postgres import fresh_database

if TYPE_CHECKING:
    from bridle.ledger.records import Attempt, Fence, SessionStart
    from bridle.ledger.store import Ledger
    from bridle.local.postgres import Postgres


_LOGIN = "bridle_test_task"


def session_start(attempt: "Attempt", fence: "Fence", **fields: Any) -> "SessionStart":
    """What a session starts with, small and complete; `fields` replace parts of it."""
    from bridle.ledger.records import SessionStart

    sample = SessionStart(
        attempt=attempt,
        fence=fence,
        round=1,
        role="implementer",
        agent="api",
        model="claude-haiku-4-5",
        provider="anthropic",
        dialect="anthropic-messages",
        repo=None,
        base_commit=None,
        isolation="none",
        prompt="Fix it.",
        prompt_digest="d",
        limits={},
    )
    return replace(sample, **fields)


@pytest.fixture(scope="session")
def ledger_template(postgres_server: "Postgres") -> Iterator[str]:
    """Name of a database on the newest migration, to be copied: that is four times as fast as migrating."""
    from bridle.ledger import migrate

    with fresh_database(postgres_server) as url:
        migrate.upgrade(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def ledger_url(postgres_server: "Postgres", ledger_template: str) -> Iterator[str]:
    """URL of an empty ledger of this test's own, on the newest migration; dropped afterwards."""
    with fresh_database(postgres_server, like=ledger_template) as url:
        yield url


@pytest.fixture
def task_url(ledger_url: str) -> str:
    """URL of the same ledger for the login of tasks, which may add to history and not rewrite it."""
    return url_for_tasks(ledger_url)


@pytest.fixture
def ledger(task_url: str, tmp_path: Path) -> "Iterator[Ledger]":
    """An empty ledger, closed afterwards; events that cannot be written are kept below `tmp_path`."""
    from bridle.ledger.store import Ledger

    with Ledger(task_url, spool=tmp_path / "spool") as ledger:
        yield ledger


def url_for_tasks(ledger_url: str) -> str:
    """Make the login of tasks, as `bridle up` does; returns its URL.

    Args:
        ledger_url: of the migrated ledger's owner.
    """
    from sqlalchemy import make_url

    from bridle.ledger.login import make_task_login

    make_task_login(ledger_url, _LOGIN, _LOGIN)
    return make_url(ledger_url).set(username=_LOGIN, password=_LOGIN).render_as_string(hide_password=False)
