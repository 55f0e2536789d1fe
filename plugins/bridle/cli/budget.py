"""`bridle budget`."""

import getpass
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.cli.books import open_ledger
from bridle.cli.console import say, show
from bridle.cli.scope import find_scope
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import InvalidInput

if TYPE_CHECKING:
    from bridle.ledger.records import BudgetRow


def budget(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A run, as `bridle runs` shows it; or a whole scope: `all`, `step:…`, `loop:…`, "
            "`day:2026-01-31`, `day:2026-01-31/dag`. Without it: whatever is capped or stopped."
        ),
    ] = None,
    usd: Annotated[float | None, typer.Option(help="New cap in US dollars.")] = None,
    tokens: Annotated[int | None, typer.Option(help="New cap in tokens, input and output together.")] = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show what may be spent and has been; with an option, raise or lower that cap."""
    from bridle.ledger.records import BudgetRow

    with open_ledger(state) as ledger:
        changing = usd is not None or tokens is not None
        if name is None and changing:
            raise InvalidInput("say whose cap to change: a run, or a scope such as `all`")
        if name is None:
            _list(ledger.budgets(), as_json)
            return
        scope = find_scope(name, state)
        if changing:
            cap = None if usd is None else Decimal(str(usd))
            ledger.change_budget(scope, cap_usd=cap, cap_tokens=tokens, by=f"human:{getpass.getuser()}")
            say("now clear the task that failed: it goes on from its last checkpoint")
        found = ledger.budget(scope) or BudgetRow(scope)
    if as_json:
        show(asdict(found))
    else:
        _tell(found)


def _list(rows: "list[BudgetRow]", as_json: bool) -> None:
    if as_json:
        show([asdict(row) for row in rows])
        return
    for row in rows:
        _tell(row)


def _tell(found: "BudgetRow") -> None:
    typer.echo(f"{found.scope}: {found.calls} model calls")
    cap = "no cap" if found.cap_usd is None else f"cap ${found.cap_usd:.4f}"
    typer.echo(f"  dollars  {cap}, spent ${found.spent_usd:.4f}, reserved ${found.reserved_usd:.4f}")
    cap = "no cap" if found.cap_tokens is None else f"cap {found.cap_tokens:,}"
    typer.echo(f"  tokens   {cap}, spent {found.spent_tokens:,}, reserved {found.reserved_tokens:,}")
    if found.capped_by:
        typer.echo(f"  set by   {found.capped_by}")
    if found.warned_at:
        typer.echo(f"  warned   {found.warned_at:%Y-%m-%d %H:%M} UTC: 80 % of a cap were spent")
    if found.stopped_by:
        typer.echo(f"  stopped  by {found.stopped_by}; `bridle resume` lets it go on")
