"""Sums over model calls; every number comes from rows, and every call counts once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, RowMapping, and_, cast, func, select, true

from bridle.errors import ConfigError
from bridle.ledger.part import Part
from bridle.ledger.records import Totals, Usage
from bridle.ledger.schema import model_call, session


class Sums(Part):
    """Totals of a session or a scope."""

    def session_totals(self, of: UUID | str) -> Totals:
        """What the calls of a session, or of everything in a scope, came to.

        Args:
            of: a session's id, or a scope such as `run:dag/run`.

        Raises:
            ConfigError: no such kind of scope.
        """
        query = select(*sums()).select_from(model_call.join(session, model_call.c.session_id == session.c.id))
        with self._db.transaction() as connection:
            row = connection.execute(query.where(within(of))).mappings().one()
        return totals_of(row)


def sums() -> list[ColumnElement[Any]]:
    """The columns that `totals_of` reads."""
    call = model_call.c
    return [
        func.count(call.id).label("calls"),
        func.count(call.id).filter(call.cost.is_(None)).label("unknown_calls"),
        func.sum(call.cost).label("cost"),
        *(func.coalesce(func.sum(call[name]), 0).label(name) for name in Usage.__dataclass_fields__),
    ]


def day_of_call() -> ColumnElement[str]:
    """The UTC day of a call, as in the scope `day:YYYY-MM-DD`."""
    return func.to_char(func.timezone("UTC", model_call.c.reserved_at), "YYYY-MM-DD")


def totals_of(row: RowMapping) -> Totals:
    """Totals from a row with the columns of `sums`."""
    usage = Usage(**{name: int(row[name]) for name in Usage.__dataclass_fields__})
    unknown, known = int(row["unknown_calls"]), row["cost"] or Decimal(0)
    return Totals(int(row["calls"]), usage, None if unknown else known, unknown, known)


def within(of: UUID | str) -> ColumnElement[bool]:
    """Calls of a session, or of everything in a scope, as a condition on calls joined with their sessions.

    Raises:
        ConfigError: no such kind of scope.
    """
    call = model_call.c
    if isinstance(of, UUID):
        return model_call.c.session_id == of
    kind, _, name = of.partition(":")
    if kind == "session":
        return model_call.c.session_id == UUID(name)
    if kind == "all":
        return model_call.c.session_id.is_not(None)
    if kind == "loop":
        return session.c.loop_id == name
    if kind == "day":
        day, _, dag_id = name.partition("/")
        begin = func.timezone("UTC", cast(day, DateTime))
        today = (call.reserved_at >= begin) & (call.reserved_at < begin + timedelta(days=1))
        return today & (session.c.dag_id == dag_id if dag_id else true())
    if kind in ("run", "step"):
        values: list[Any] = list(name.split("/"))
        columns = [session.c.dag_id, session.c.run_id, session.c.task_id, session.c.map_index]
        if kind == "step":
            values[3:] = [int(values[3]) if len(values) > 3 else -1]
        return and_(*(column == value for column, value in zip(columns, values, strict=False)))
    raise ConfigError(f"{of!r} is no scope; use a session's id, or all, run:, step:, session:, day: or loop:")
