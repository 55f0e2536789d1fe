"""What model calls came to, read from sums that the database keeps; see `bridle.ledger.summaries`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    String,
    Text,
    and_,
    cast,
    distinct,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from bridle.errors import ConfigError
from bridle.ledger.records import Totals, Usage
from bridle.ledger.schema import model_call, session
from bridle.ledger.summaries import spending
from bridle.ledger.totals import totals_of

LARGE = 100_000
"""Input tokens of one call, as in the index of those that are larger."""

SpendingKey = Literal["repo", "role", "model", "dag", "day", "agent", "run"]

KEYS: dict[SpendingKey, ColumnElement[Any]] = {
    "repo": spending.c.repo,
    "role": spending.c.role,
    "model": spending.c.model,
    "dag": spending.c.dag_id,
    "day": cast(spending.c.day, String),
    "agent": spending.c.agent,
    "run": spending.c.dag_id + "/" + spending.c.run_id,
}


@dataclass(frozen=True)
class Span:
    """Whose spending is meant."""

    dags: Collection[str]
    """Of these DAGs only."""
    since: date | None = None
    """First UTC day."""
    until: date | None = None
    """Last UTC day."""

    @property
    def clause(self) -> ColumnElement[bool]:
        """As a condition."""
        wanted: list[ColumnElement[bool]] = [spending.c.dag_id.in_(self.dags)]
        if self.since is not None:
            wanted.append(spending.c.day >= self.since)
        if self.until is not None:
            wanted.append(spending.c.day <= self.until)
        return and_(*wanted)


@dataclass(frozen=True)
class Spent:
    """What one repository, role, model … came to."""

    name: str
    runs: int
    sessions: int
    totals: Totals


def spent_by(by: SpendingKey, span: Span) -> Select[Any]:
    """One row for each; see `spent_of`.

    Raises:
        ConfigError: nothing is kept by that.
    """
    if by not in KEYS:
        raise ConfigError(f"cost is added up by {', '.join(KEYS)}; not by {by!r}")
    runs = (
        select(KEYS[by].label("name"), spending.c.dag_id, spending.c.run_id)
        .add_columns(func.count(distinct(spending.c.session_id)).label("sessions"), *sums())
        .where(span.clause)
        .group_by(KEYS[by], spending.c.dag_id, spending.c.run_id)
        .subquery()
    )
    # run by run first: to count distinct runs over all rows takes a sort of all rows
    return select(
        runs.c.name,
        func.count().label("runs"),
        func.sum(runs.c.sessions).label("sessions"),
        *(func.sum(runs.c[column.name]).label(column.name) for column in sums()),
    ).group_by(runs.c.name)


def spent_by_user(users: Mapping[tuple[str, str], str], span: Span) -> Select[Any]:
    """One row for each user who has triggered runs, the name empty for runs that nobody did; see `spent_of`.

    Args:
        users: DAG and run to who has triggered it.
        span: whose spending.
    """
    columns = [[key[0] for key in users], [key[1] for key in users], list(users.values())]
    arrays = [cast(names, ARRAY(Text)) for names in columns]
    known = func.unnest(*arrays).table_valued("dag_id", "run_id", "name", name="known").render_derived()
    runs = (
        select(spending.c.dag_id, spending.c.run_id)
        .add_columns(func.count(distinct(spending.c.session_id)).label("sessions"), *sums())
        .where(span.clause)
        .group_by(spending.c.dag_id, spending.c.run_id)
        .subquery()
    )
    mine = (runs.c.dag_id == known.c.dag_id) & (runs.c.run_id == known.c.run_id)
    name = func.coalesce(known.c.name, literal_column("''"))
    return (
        select(
            name.label("name"),
            func.count().label("runs"),
            func.sum(runs.c.sessions).label("sessions"),
            *(func.sum(runs.c[column.name]).label(column.name) for column in sums()),
        )
        .select_from(runs.outerjoin(known, mine))
        .group_by(name)
    )


def sums() -> list[Any]:
    """The columns that `totals_of` reads."""
    names = ("calls", "unknown_calls", "unmeasured_calls", *Usage.__dataclass_fields__)
    return [
        *(func.coalesce(func.sum(spending.c[name]), 0).label(name) for name in names),
        func.coalesce(func.sum(spending.c.cost), 0).label("cost"),
    ]


def spent_of(row: RowMapping) -> Spent:
    """A row of `spent_by`."""
    return Spent(str(row["name"]), int(row["runs"]), int(row["sessions"]), totals_of(row))


def spent_on_asked(span: Span) -> Select[Any]:
    """One row for each `provider` and model `asked`, with the columns of `totals_of`."""
    c = spending.c
    return select(c.provider, c.asked, *sums()).where(span.clause).group_by(c.provider, c.asked)


def asked_of_sessions(span: Span) -> Select[Any]:
    """The same names for calls from before their provider was written down: it is their session's."""
    c = spending.c
    return (
        select(session.c.provider, c.asked)
        .select_from(spending.join(session, c.session_id == session.c.id))
        .where(span.clause, c.provider == "")
        .distinct()
    )


def spent_in_all(span: Span) -> Select[Any]:
    """One row with the columns of `totals_of`."""
    return select(*sums()).where(span.clause)


def spent_on_days(span: Span) -> Select[Any]:
    """For each `day` and `model`, each `day` and `role`, each `day` and `dag` its `tokens`, `known_usd` and
    `unknown_calls`; in each row the other two names are null.
    """
    c = spending.c
    amounts = [
        func.sum(c.input_tokens + c.output_tokens).label("tokens"),
        func.sum(c.cost).label("known_usd"),
        func.sum(c.unknown_calls).label("unknown_calls"),
    ]
    by = [tuple_(c.day, name) for name in (c.model, c.role, c.dag_id)]
    query = select(cast(c.day, String).label("day"), c.model, c.role, c.dag_id.label("dag"), *amounts)
    return query.where(span.clause).group_by(func.grouping_sets(*by))


def larger_calls(span: Span) -> Select[Any]:
    """The tokens of each call with more than `LARGE` input tokens."""
    call = model_call.c
    query = (
        select(*(call[name] for name in Usage.__dataclass_fields__))
        .select_from(model_call.join(session, call.session_id == session.c.id))
        .where(session.c.dag_id.in_(span.dags), call.input_tokens > literal_column(str(LARGE)))
    )
    if span.since is not None:
        query = query.where(call.reserved_at >= _midnight(span.since))
    if span.until is not None:
        query = query.where(call.reserved_at < _midnight(span.until + timedelta(days=1)))
    return query


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
