"""`bridle stop`."""

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.cli.stack import DEFAULT_STATE, State
from bridle.errors import InvalidInput

if TYPE_CHECKING:
    from bridle.ledger.store import Ledger


def stop(
    run: Annotated[str | None, typer.Argument(help="A run, as `bridle runs` shows it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every session of every run.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let it go on: then clear its tasks.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Stop a run, or everything: no further model call, check, commit or outside write is begun."""
    from bridle.ledger.store import Ledger
    from bridle.local.find_airflow import find_airflow, find_run
    from bridle.local.ledger_url import find_ledger_url

    if (run is None) == (not everything):
        raise InvalidInput("say which run to stop, or --all")
    with Ledger(find_ledger_url(state)) as ledger:
        if everything:
            typer.echo(_flag(ledger, "all", undo))
            return
        with find_airflow(state) as airflow:
            found = find_run(airflow, run)
            # the ledger first: a session that Airflow is slow to end makes no further call
            typer.echo(_flag(ledger, f"run:{found.dag_id}/{found.run_id}", undo))
            if not undo and not found.ended:
                airflow.fail_run(found.dag_id, found.run_id)


def _flag(ledger: "Ledger", scope: str, undo: bool) -> str:
    if undo:
        ledger.clear_stop(scope)
        return f"May go on: {scope}"
    ledger.request_stop(scope, f"human:{getpass.getuser()}")
    return f"Stopped: {scope}"
