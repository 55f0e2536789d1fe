"""`bridle retention`."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from bridle.cli.console import show
from bridle.cli.stack import DEFAULT_STATE, State


def retention(
    url: Annotated[
        str | None, typer.Option(help="Of the ledger's owner; default: BRIDLE_LEDGER_URL.")
    ] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Delete old events, transcripts, artifacts and bundles, and make the coming months' partitions.

    How old is said by BRIDLE_KEEP_EVENTS_DAYS (90), …_TRANSCRIPTS_DAYS (30), …_ARTIFACTS_DAYS (180) and
    …_BUNDLES_DAYS (90). A stack of `bridle up` does this by itself, once a day.
    """
    from bridle.ledger.retention import Retention, retire
    from bridle.local.databases import psycopg_url
    from bridle.local.ledger_url import find_ledger_url

    target = psycopg_url(url) if url else find_ledger_url(state)
    show(asdict(retire(target, Retention.given(os.environ))))
