"""`bridle budget`."""

from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State

if TYPE_CHECKING:
    from bridle.ledger.records import BudgetRow

SCOPES = ("run:", "step:", "session:", "day:", "loop:")


def budget(
    scope: Annotated[
        str,
        typer.Argument(
            help="A run, as `bridle runs` shows it; or `all`, `run:…`, `step:…`, `day:2026-01-31` …"
        ),
    ],
    usd: Annotated[float | None, typer.Option(help="New cap in US dollars.")] = None,
    tokens: Annotated[int | None, typer.Option(help="New cap in tokens, input and output together.")] = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show what a run may spend and has spent; with an option, raise or lower that cap."""
    from bridle.ledger.records import BudgetRow
    from bridle.ledger.store import Ledger
    from bridle.local.ledger_url import find_ledger_url

    with Ledger(find_ledger_url(state)) as ledger:
        name = _scope(scope, state)
        found = ledger.budget(name) or BudgetRow(name, None, None, Decimal(0), 0, Decimal(0), 0, 0, None)
        if usd is not None or tokens is not None:
            cap_usd = found.cap_usd if usd is None else Decimal(str(usd))
            cap_tokens = found.cap_tokens if tokens is None else tokens
            ledger.set_budget(name, cap_usd=cap_usd, cap_tokens=cap_tokens)
            found = replace(found, cap_usd=cap_usd, cap_tokens=cap_tokens)
            say("now clear the task that failed: it goes on from its last checkpoint")
    if as_json:
        show(asdict(found))
        return
    _tell(found)


def _scope(name: str, state: Path) -> str:
    if name == "all" or name.startswith(SCOPES):
        return name
    from bridle.local.find_airflow import find_airflow, find_run

    with find_airflow(state) as airflow:
        run = find_run(airflow, name)
    return f"run:{run.dag_id}/{run.run_id}"


def _tell(found: "BudgetRow") -> None:
    typer.echo(f"{found.scope}: {found.calls} model calls")
    cap = "no cap" if found.cap_usd is None else f"cap ${found.cap_usd:.4f}"
    typer.echo(f"  dollars  {cap}, spent ${found.spent_usd:.4f}, reserved ${found.reserved_usd:.4f}")
    cap = "no cap" if found.cap_tokens is None else f"cap {found.cap_tokens:,}"
    typer.echo(f"  tokens   {cap}, spent {found.spent_tokens:,}, reserved {found.reserved_tokens:,}")
    if found.stopped_by:
        typer.echo(f"  stopped by {found.stopped_by}; `bridle stop --undo` lets it go on")
