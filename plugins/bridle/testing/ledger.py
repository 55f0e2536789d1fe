"""A migrated ledger for tests, fresh for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bridle.ledger.store import Ledger


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
