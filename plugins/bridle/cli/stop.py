"""`bridle stop` and `bridle resume`."""

import getpass
from typing import Annotated

import typer

from bridle.cli.books import open_ledger
from bridle.cli.scope import find_scope, is_scope
from bridle.cli.stack import DEFAULT_STATE, State
from bridle.errors import InvalidInput

Named = Annotated[
    str | None, typer.Argument(help="A run, as `bridle runs` shows it; or a scope: `loop:…`, `step:…` …")
]
All = Annotated[bool, typer.Option("--all", help="Every session of every run.")]


def stop(name: Named = None, everything: All = False, state: State = DEFAULT_STATE) -> None:
    """Stop a run, or everything: no model call, check, commit or outside write is begun any more.

    Sessions end within ten seconds, with their work kept, until `bridle resume`.
    """
    from bridle.local.find_airflow import find_airflow, find_run

    wanted = _one(name, everything)
    by = f"human:{getpass.getuser()}"
    with open_ledger(state) as ledger:
        if is_scope(wanted):
            ledger.request_stop(wanted, by)
            typer.echo(f"Stopped: {wanted}")
            return
        with find_airflow(state) as airflow:
            run = find_run(airflow, wanted)
            scope = f"run:{run.dag_id}/{run.run_id}"
            # the ledger first: a session that Airflow is slow to end makes no further call
            ledger.request_stop(scope, by)
            typer.echo(f"Stopped: {scope}")
            if not run.ended:
                airflow.fail_run(run.dag_id, run.run_id)


def resume(name: Named = None, everything: All = False, state: State = DEFAULT_STATE) -> None:
    """Lift a stop; then clear the tasks that it ended, and they go on from their last checkpoints."""

    wanted = _one(name, everything)
    with open_ledger(state) as ledger:
        scope = find_scope(wanted, state)
        ledger.clear_stop(scope)
    typer.echo(f"May go on: {scope}")


def _one(name: str | None, everything: bool) -> str:
    if (name is None) == (not everything):
        raise InvalidInput("say which run, or --all")
    return "all" if name is None else name
