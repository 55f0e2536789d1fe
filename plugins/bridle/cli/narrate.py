"""A run told line by line: what Airflow and the ledger say, in the order in which it happened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from rich.markup import escape

from bridle.agents.base import Event, EventKind
from bridle.agents.render import render
from bridle.ledger.records import CheckRow, EventRow, SessionRow, Totals
from bridle.local.rest import TaskInstance

WIDTH = 110
"""Characters of one told line; what is longer is cut, the ledger has all of it."""

_TOLD = {"text", "tool_call", "denied", "error"}
_BEGUN = {"running", "awaiting_input", "success", "failed", "up_for_retry", "restarting"}
_MARKS = {"success": "[green]✓[/]", "failed": "[red]✗[/]", "up_for_retry": "[yellow]↻[/]"}


@dataclass(frozen=True)
class Moment:
    """A run as it is now."""

    tasks: Sequence[TaskInstance]
    sessions: Sequence[SessionRow] = ()
    checks: Sequence[CheckRow] = ()
    events: Sequence[EventRow] = ()
    """Only those that were not there at the last moment."""
    spent: Mapping[tuple[str, int], Totals] = field(default_factory=dict)
    """By task and map index."""


@dataclass
class Narrator:
    """Remembers what it has told.

    Args:
        number: of the first step it tells.
    """

    number: int = 1
    _begun: set[tuple[str, int]] = field(default_factory=set)
    _ended: set[tuple[tuple[str, int], int, str]] = field(default_factory=set)
    _rows: set[UUID] = field(default_factory=set)
    _bad: set[UUID] = field(default_factory=set)

    def tell(self, moment: Moment) -> list[str]:
        """Lines (rich markup) for what is new since the last moment."""
        told = [*self._tasks(moment), *self._sessions(moment), *self._checks(moment), *_events(moment.events)]
        return [words for _, words in sorted(told, key=lambda item: item[0])]

    def _tasks(self, moment: Moment) -> Iterable[tuple[datetime, str]]:
        for task in sorted(moment.tasks, key=_start):
            if task.state not in _BEGUN or task.start_date is None:
                continue
            if task.key not in self._begun:
                self._begun.add(task.key)
                yield task.start_date, f"[bold]{self.number:>3}  {escape(task.name)}[/]"
                self.number += 1
            end = (task.key, task.try_number, task.state)
            if task.state in _MARKS and end not in self._ended:
                self._ended.add(end)
                yield task.end_date or datetime.now(UTC), _end(task, moment.spent.get(task.key))

    def _sessions(self, moment: Moment) -> Iterable[tuple[datetime, str]]:
        for session in moment.sessions:
            if session.id not in self._rows:
                self._rows.add(session.id)
                again = ", goes on from the last checkpoint" if session.resumed_from else ""
                who = f"{session.agent} with {session.model}, isolation {session.isolation}{again}"
                yield session.opened_at, _detail(f"round {session.round}: {who}", "cyan")
            if session.closed_at and session.outcome != "done" and session.id not in self._bad:
                self._bad.add(session.id)
                yield session.closed_at, _detail(f"session {session.outcome}: {session.reason}", "red")

    def _checks(self, moment: Moment) -> Iterable[tuple[datetime, str]]:
        for check in moment.checks:
            if check.id in self._rows:
                continue
            self._rows.add(check.id)
            passed = check.exit_code == 0
            end = (
                "passed" if passed else "timed out" if check.timed_out else f"failed (exit {check.exit_code})"
            )
            said = f"check {check.name}: {end} in {check.seconds:.1f} s · {check.command}"
            yield check.at, _detail(said, "green" if passed else "red")


def line(text: str, width: int = WIDTH) -> str:
    """`text` as one line of at most `width` characters, without anything that steers a terminal."""
    # not printable: escape sequences, and characters that change the direction of text
    clean = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return clean if len(clean) <= width else f"{clean[: width - 1]}…"


def money(amount: object) -> str:
    """Dollars for people; an unknown price says so."""
    return "unknown price" if amount is None else f"${amount:.4f}"


def _start(task: TaskInstance) -> datetime:
    return task.start_date or datetime.max.replace(tzinfo=UTC)


def _end(task: TaskInstance, spent: Totals | None) -> str:
    seconds = f"{task.seconds:.1f} s" if task.seconds is not None else ""
    cost = f" · {spent.usage.total:,} tokens · {money(spent.cost_usd)}" if spent and spent.calls else ""
    again = ": Airflow tries again" if task.state == "up_for_retry" else ""
    return f"   {_MARKS[task.state or '']}   [dim]{escape(task.name)} {seconds}{cost}{again}[/]"


def _events(events: Iterable[EventRow]) -> Iterable[tuple[datetime, str]]:
    for row in events:
        if row.kind in _TOLD:
            event = Event(kind=EventKind(row.kind), at=row.at, payload=row.payload)
            yield row.at, _detail(render(event), "red" if row.kind in ("denied", "error") else "")


def _detail(text: str, style: str) -> str:
    told = escape(line(text))
    return f"       [{style}]{told}[/]" if style else f"       {told}"
