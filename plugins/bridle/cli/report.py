"""What a run came to, for people: tables and texts for a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table

from bridle.cli.narrate import money
from bridle.ledger.records import Usage


@dataclass(frozen=True)
class StepCost:
    """Model use of one step."""

    name: str
    """Of its task."""
    models: str
    sessions: int
    calls: int
    usage: Usage
    cost_usd: Decimal | None
    """None: the price of a call is unknown."""


def total(steps: Iterable[StepCost]) -> StepCost:
    """All of them as one."""
    every = list(steps)
    costs = [step.cost_usd for step in every]
    unknown = any(cost is None for cost in costs)
    return StepCost(
        name="in all",
        models="",
        sessions=sum(step.sessions for step in every),
        calls=sum(step.calls for step in every),
        usage=Usage(
            sum(step.usage.input_tokens for step in every),
            sum(step.usage.output_tokens for step in every),
            sum(step.usage.cache_read_tokens for step in every),
            sum(step.usage.cache_write_tokens for step in every),
        ),
        cost_usd=None if unknown else sum((cost for cost in costs if cost is not None), Decimal(0)),
    )


def cost_table(steps: Sequence[StepCost]) -> Table:
    """Tokens and dollars for each step that called a model, for all others together, and their sum."""
    called = [step for step in steps if step.calls]
    silent = [step for step in steps if not step.calls]
    rows = [*called]
    if silent:
        rows.append(replace(total(silent), name=f"{len(silent)} without a model"))
    cached = any(step.usage.cache_read_tokens for step in called)
    title = "What it cost: tokens in and out, US dollars"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("step", no_wrap=True)
    table.add_column("model", overflow="fold")
    for name in ("sessions", "calls", "in", *(["cached"] if cached else []), "out", "dollars"):
        table.add_column(name, justify="right", no_wrap=True)
    for step in rows:
        table.add_row(*_cells(step, cached), style="" if step.calls else "dim")
    table.add_section()
    table.add_row(*_cells(total(steps), cached), style="bold")
    return table


def diff_view(diff: str) -> Syntax:
    """A unified diff, coloured."""
    return Syntax(printable(diff), "diff", background_color="default", word_wrap=True)


def text_panel(title: str, text: str) -> Panel:
    """A text in a frame, shown as it is."""
    return Panel(escape(printable(text.strip())), title=escape(title), title_align="left")


def printable(text: str) -> str:
    """`text` without anything that steers a terminal: agents and strangers wrote it."""
    return "".join(letter for letter in text.expandtabs() if letter.isprintable() or letter == "\n")


def _cells(step: StepCost, cached: bool) -> list[str]:
    usage = step.usage
    return [
        escape(step.name),
        escape(step.models),
        str(step.sessions),
        str(step.calls),
        f"{usage.input_tokens:,}",
        *([f"{usage.cache_read_tokens:,}"] if cached else []),
        f"{usage.output_tokens:,}",
        money(step.cost_usd),
    ]
