"""A migrated ledger for tests, fresh for each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bridle.ledger.records import Attempt, Fence, SessionStart
    from bridle.ledger.store import Ledger


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


@pytest.fixture
def ledger_url(postgres_url: str) -> str:
    """URL of an empty ledger of this test's own, on the newest migration."""
    from bridle.ledger import migrate

    migrate.upgrade(postgres_url)
    return postgres_url


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path) -> "Iterator[Ledger]":
    """An empty ledger, closed afterwards; events that cannot be written are kept below `tmp_path`."""
    from bridle.ledger.store import Ledger

    with Ledger(ledger_url, spool=tmp_path / "spool") as ledger:
        yield ledger
