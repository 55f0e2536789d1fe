"""What model calls came to, added up by run, role, model …: the one place that knows how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, Select, and_, distinct, func, select, true

from bridle.errors import ConfigError
from bridle.ledger.records import Totals, Usage
from bridle.ledger.schema import model_call, session
from bridle.ledger.totals import day_of_call, sums, totals_of

CostKey = Literal["run", "dag", "step", "role", "model", "provider", "agent", "repo", "day"]

# a call that failed over has a provider of its own
_PROVIDER = func.coalesce(func.nullif(model_call.c.provider, ""), session.c.provider)

KEYS: dict[CostKey, ColumnElement[Any]] = {
    "run": session.c.dag_id + "/" + session.c.run_id,
    "dag": session.c.dag_id,
    "step": session.c.dag_id + "/" + session.c.task_id,
    "role": session.c.role,
    "model": func.coalesce(model_call.c.answered_model, model_call.c.model),
    "provider": _PROVIDER,
    "agent": session.c.agent,
    "repo": func.coalesce(session.c.repo, ""),
    "day": day_of_call(),
}


@dataclass(frozen=True)
class CostRow:
    """What one run, step, role … came to."""

    name: str
    totals: Totals
    sessions: int = 0
    """That have called a model."""


@dataclass(frozen=True)
class CountedCall:
    """One model call, as much of it as pricing it again takes."""

    name: str
    """The run, step, role … that it belongs to."""
    model: str
    """`provider:model` that was asked."""
    usage: Usage | None
    """None: unknown."""


@dataclass(frozen=True)
class Which:
    """Which calls are meant."""

    since: datetime | None = None
    """Reserved from then on."""
    run: tuple[str, str] | None = None
    """Of this DAG and run only."""

    @property
    def clause(self) -> ColumnElement[bool]:
        """As a condition on calls joined with their sessions."""
        wanted: list[ColumnElement[bool]] = [true()]
        if self.since is not None:
            wanted.append(model_call.c.reserved_at >= self.since)
        if self.run is not None:
            wanted += [session.c.dag_id == self.run[0], session.c.run_id == self.run[1]]
        return and_(*wanted)


def added_up(by: CostKey, which: Which) -> Select[Any]:
    """One row for each run, step, role …; see `cost_row`.

    Raises:
        ConfigError: nothing is kept by that.
    """
    key = _key(by)
    sessions = func.count(distinct(model_call.c.session_id)).label("sessions")
    query = select(key, sessions, *sums()).select_from(_calls()).where(which.clause)
    return query.group_by(key)


def each_call(by: CostKey, which: Which) -> Select[Any]:
    """One row for each call; see `counted_call`.

    Raises:
        ConfigError: nothing is kept by that.
    """
    model = (_PROVIDER + ":" + model_call.c.model).label("model")
    usage = [model_call.c[name] for name in Usage.__dataclass_fields__]
    return select(_key(by), model, *usage).select_from(_calls()).where(which.clause).order_by(model_call.c.id)


def cost_row(row: RowMapping) -> CostRow:
    """A row of `added_up`."""
    return CostRow(str(row["name"]), totals_of(row), row["sessions"])


def counted_call(row: RowMapping) -> CountedCall:
    """A row of `each_call`."""
    usage = None
    if row["input_tokens"] is not None:
        usage = Usage(**{name: row[name] or 0 for name in Usage.__dataclass_fields__})
    return CountedCall(str(row["name"]), row["model"], usage)


def in_all(rows: Sequence[CostRow]) -> Totals:
    """All of them together."""
    every = [row.totals for row in rows]
    known = sum((totals.known_usd for totals in every), Decimal(0))
    unknown = sum(totals.unknown_calls for totals in every)
    return Totals(
        calls=sum(totals.calls for totals in every),
        usage=Usage(
            **{
                name: sum(getattr(totals.usage, name) for totals in every)
                for name in Usage.__dataclass_fields__
            }
        ),
        cost_usd=None if unknown else known,
        unknown_calls=unknown,
        known_usd=known,
    )


def _calls() -> Any:
    return model_call.join(session, model_call.c.session_id == session.c.id)


def _key(by: CostKey) -> ColumnElement[Any]:
    if by not in KEYS:
        raise ConfigError(f"cost is added up by {', '.join(KEYS)}; not by {by!r}")
    return KEYS[by].label("name")
