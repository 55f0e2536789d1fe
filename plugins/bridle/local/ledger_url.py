"""Which ledger a command talks to."""

import os
from pathlib import Path

from bridle.errors import ConfigError
from bridle.local.databases import LEDGER_VARIABLE, psycopg_url
from bridle.local.stack import Stack


def find_ledger_url(state: Path) -> str:
    """URL of the ledger: `BRIDLE_LEDGER_URL` when it is set, else that of the stack in `state`.

    Raises:
        ConfigError: neither is there.
    """
    given = os.environ.get(LEDGER_VARIABLE)
    if given:
        return psycopg_url(given)
    report = Stack(state).status()
    if report is None or not report.ledger_url:
        raise ConfigError(
            f"no ledger: no stack is up in {state} (`bridle up`), and {LEDGER_VARIABLE} is not set "
            "(postgresql://user:password@host:5432/bridle)"
        )
    return report.ledger_url
