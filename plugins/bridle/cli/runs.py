"""`bridle runs`."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.cli.books import open_queries
from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bridle.ledger.queries import Queries
    from bridle.ledger.records import Totals
    from bridle.local.rest import AirflowClient, DagRun

POLL_SECONDS = 2.0

_COLOURS = {"success": "green", "failed": "red", "running": "cyan", "waits for you": "yellow"}


@dataclass(frozen=True)
class _Listed:
    run: "DagRun"
    waits: bool
    totals: "Totals | None"
    """None: it has called no model."""

    @property
    def state(self) -> str:
        return "waits for you" if self.waits else self.run.state

    def plain(self) -> dict[str, Any]:
        return self.run.model_dump(mode="json") | {
            "waits_for_a_human": self.waits,
            "tokens": self.totals.usage.total if self.totals else 0,
            "cost_usd": self.totals.cost_usd if self.totals else 0,
        }


def runs(
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep the table up to date until Ctrl-C.")
    ] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first, with their state, tokens and dollars.

    Left out are those of the workflows that go on all day: sweeper, issue watch, budgets and searches.
    """
    from rich.console import Console

    from bridle.local.find_airflow import find_airflow

    with open_queries(state) as ledger, find_airflow(state) as airflow:
        found = _list(airflow, ledger, limit)
        if as_json:
            show([each.plain() for each in found])
        elif follow:
            _follow(airflow, ledger, limit)
        elif found:
            Console(highlight=False).print(_table(found))
        else:
            say("there has been no run yet; `bridle run issue-fix` starts one")


def _list(airflow: "AirflowClient", ledger: "Queries", limit: int) -> list[_Listed]:
    from bridle.local.find_airflow import HOUSEKEEPING

    waiting = {(question.dag_id, question.run_id) for question in airflow.questions()}
    found = airflow.runs_without(HOUSEKEEPING, limit=limit)
    spent = ledger.totals_of_runs([(run.dag_id, run.run_id) for run in found])
    return [
        _Listed(run, key in waiting, spent.get(key)) for run in found for key in [(run.dag_id, run.run_id)]
    ]


def _follow(airflow: "AirflowClient", ledger: "Queries", limit: int) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            try:
                live.update(_table(_list(airflow, ledger, limit)), refresh=True)
            except Transient as error:  # a restart: the next look may find it up again
                live.update(Text(str(error), style="red"), refresh=True)
            time.sleep(POLL_SECONDS)


def _table(found: "Sequence[_Listed]") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from bridle.cli.narrate import money

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("run", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("started", no_wrap=True)
    for name in ("tokens", "dollars"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        colour = _COLOURS.get(each.state, "")
        table.add_row(
            escape(f"{each.run.dag_id}/{each.run.run_id}"),
            f"[{colour}]{each.state}[/]" if colour else each.state,
            f"{each.run.start_date:%m-%d %H:%M}" if each.run.start_date else "",
            f"{each.totals.usage.total:,}" if each.totals else "0",
            money(each.totals.cost_usd) if each.totals else money(0),
        )
    return table
