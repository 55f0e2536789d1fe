"""The ledger, for commands."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridle.ledger.queries import Queries
    from bridle.ledger.store import Ledger

PATIENCE_SECONDS = 15.0
"""How long a command waits for a ledger that restarts; longer than one try to connect takes."""


def open_ledger(state: Path) -> "Ledger":
    """To read and to write.

    Raises:
        ConfigError: no stack is up in `state`, and no ledger is named by the environment.
    """
    from bridle.ledger.store import Ledger
    from bridle.local.ledger_url import find_ledger_url

    return Ledger(find_ledger_url(state), patience_seconds=PATIENCE_SECONDS)


def open_queries(state: Path) -> "Queries":
    """To read.

    Raises:
        ConfigError: no stack is up in `state`, and no ledger is named by the environment.
    """
    from bridle.ledger.queries import Queries
    from bridle.local.ledger_url import find_ledger_url

    return Queries(find_ledger_url(state), patience_seconds=PATIENCE_SECONDS)
