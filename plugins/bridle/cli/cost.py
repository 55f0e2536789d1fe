"""`bridle cost`."""

import csv
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from bridle.cli.books import open_queries
from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import ConfigError, InvalidInput

if TYPE_CHECKING:
    from bridle.gateway.price_list import PriceList
    from bridle.ledger.costs import CostRow, CountedCall
    from bridle.ledger.records import Totals


class By(StrEnum):
    """What cost is added up by."""

    RUN = "run"
    DAG = "dag"
    STEP = "step"
    ROLE = "role"
    MODEL = "model"
    PROVIDER = "provider"
    AGENT = "agent"
    REPO = "repo"
    DAY = "day"
    USER = "user"


@dataclass(frozen=True)
class _Row:
    name: str
    sessions: int
    totals: "Totals"
    as_if_usd: Decimal | None

    def plain(self) -> dict[str, Any]:
        usage = asdict(self.totals.usage)
        return {
            "name": self.name,
            "sessions": self.sessions,
            "calls": self.totals.calls,
            **usage,
            "known_usd": self.totals.known_usd,
            "unknown_calls": self.totals.unknown_calls,
            "as_if_usd": self.as_if_usd,
        }


def cost(
    by: Annotated[
        By, typer.Option(help="What to add up by; `user` asks Airflow who started each run.")
    ] = By.RUN,
    since: Annotated[
        str | None, typer.Option(help="Only calls from then on: 2026-01-31 (UTC), or 36h, 7d, 2w before now.")
    ] = None,
    as_if: Annotated[
        str | None,
        typer.Option(
            help="Compare with the same tokens on this `provider:model` alone; default: the dearest used."
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, for a spreadsheet.")] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Add up tokens and dollars, and compare them with the same tokens on a single model.

    Every number is a sum of the ledger's rows, one row for each model call. The comparison prices each call's
    tokens again, tier by tier; another model would have needed other tokens.
    """
    from bridle.ledger.costs import CostKey, in_all

    begin = None if since is None else _moment(since)
    key = cast(CostKey, By.RUN if by is By.USER else by)
    with open_queries(state) as ledger:
        rows, calls = ledger.cost(key, since=begin), ledger.counted_calls(key, since=begin)
    prices = _prices(state)
    usages = [call.usage for call in calls]
    model = as_if or prices.dearest((call.model for call in calls), usages)
    if as_if and calls and prices.rates(as_if) is None:
        raise ConfigError(
            f"nobody knows what {as_if} costs; write it as provider:model, or give its price in roles.yaml"
        )
    if by is By.USER:
        rows, calls = _by_user(state, rows, calls)

    def compared(name: str | None) -> Decimal | None:
        mine = (call.usage for call in calls if name in (None, call.name))
        return prices.as_if(model, mine) if model else None

    told = [_Row(row.name, row.sessions, row.totals, compared(row.name)) for row in rows]
    total = _Row("in all", sum(row.sessions for row in rows), in_all(rows), compared(None))
    if as_json:
        show({"by": by, "rows": [row.plain() for row in told], "total": total.plain(), "as_if_model": model})
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, total.plain())
        writer.writeheader()
        writer.writerows(row.plain() for row in told)
    elif not told:
        say("no model has been called" + (f" since {since}" if since else ""))
    else:
        _print(by, told, total, model)


def _moment(text: str) -> datetime:
    units = {"h": "hours", "d": "days", "w": "weeks"}
    if found := re.fullmatch(r"(\d+)([hdw])", text):
        return datetime.now(UTC) - timedelta(**{units[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"--since {text!r}: write a date such as 2026-01-31, or 36h, 7d, 2w") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _prices(state: Path) -> "PriceList":
    from bridle.doctor.patient import patient_in
    from bridle.gateway.price_list import PriceList

    with patient_in(state) as patient:
        return PriceList(patient.roles.providers)


def _by_user(
    state: Path, rows: "Sequence[CostRow]", calls: "Sequence[CountedCall]"
) -> "tuple[list[CostRow], list[CountedCall]]":
    """The same by who started the run: Airflow knows, the ledger does not."""
    from dataclasses import replace

    from bridle.ledger.costs import CostRow, in_all
    from bridle.local.find_airflow import find_airflow

    with find_airflow(state) as airflow:
        users = {row.name: airflow.started_by(*row.name.split("/", 1)) for row in rows}
    merged = [
        CostRow(
            user,
            in_all([row for row in rows if users[row.name] == user]),
            sum(row.sessions for row in rows if users[row.name] == user),
        )
        for user in dict.fromkeys(users.values())
    ]
    return merged, [replace(call, name=users[call.name]) for call in calls]


def _print(by: By, rows: Sequence[_Row], total: _Row, model: str | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(by.value, overflow="fold")
    for name in ("sessions", "calls", "in", "cache read", "cache write", "out", "dollars", "as if"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in (*rows, total):
        usage = row.totals.usage
        numbers = (
            *(row.sessions, row.totals.calls, usage.input_tokens),
            *(usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens),
        )
        if row is total:
            table.add_section()
        table.add_row(
            escape(row.name or "(none)"),
            *(f"{number:,}" for number in numbers),
            _dollars(row.totals),
            "unknown" if row.as_if_usd is None else f"${row.as_if_usd:.4f}",
            style="bold" if row is total else "",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if model and total.as_if_usd:
        saved = 1 - total.totals.known_usd / total.as_if_usd
        say(f"as if: the same tokens, call by call, on {model} alone; what was paid is {saved:.0%} less")


def _dollars(totals: "Totals") -> str:
    if not totals.unknown_calls:
        return f"${totals.known_usd:.4f}"
    return f"${totals.known_usd:.4f} + unknown ({totals.unknown_calls} calls)"
