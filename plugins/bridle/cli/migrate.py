"""`bridle migrate`."""

from typing import Annotated

import typer

from bridle.cli.console import say
from bridle.cli.stack import DEFAULT_STATE, State


def migrate(
    url: Annotated[str | None, typer.Option(help="Of the ledger; default: BRIDLE_LEDGER_URL.")] = None,
    create_database: Annotated[bool, typer.Option(help="Make the database when it is missing.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Bring the ledger's tables to this version of Bridle."""
    import bridle.ledger.migrate as migrations
    from bridle.local.databases import psycopg_url
    from bridle.local.ledger_url import find_ledger_url

    target = psycopg_url(url) if url else find_ledger_url(state)
    migrations.upgrade(target, create_database=create_database)
    say(f"the ledger is at {migrations.current(target)}")
