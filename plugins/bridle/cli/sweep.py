"""`bridle sweep`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bridle.cli.books import open_ledger
from bridle.cli.stack import DEFAULT_STATE, State


def sweep(
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="AIRFLOW__BRIDLE__HOME",
            help="[bridle] home of this host; default: the stack's, else Airflow's.",
        ),
    ] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Close lost sessions and searches, and remove what killed ones left on this host, now.

    The DAG `bridle_sweeper` does so every ten minutes on one host, and takes back branches of failed runs and
    drafts of cancelled ones.
    """
    from bridle.workspace.leftovers import sweep_host

    with open_ledger(state) as ledger:
        closed = [lost.id for lost in ledger.lost_sessions() if ledger.close_lost(lost.id)]
        searches = ledger.close_lost_bisects()
    swept = sweep_host(home or _home(state))
    for session_id in closed:
        typer.echo(f"closed as lost: {session_id}")
    for search_id in searches:
        typer.echo(f"closed as lost: search {search_id}")
    for name in swept:
        typer.echo(f"removed: {name}")
    typer.echo(f"{len(closed)} lost sessions, {len(searches)} lost searches, {len(swept)} folders")


def _home(state: Path) -> Path:
    of_stack = state / "work"
    if of_stack.is_dir():
        return of_stack
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "bridle"
