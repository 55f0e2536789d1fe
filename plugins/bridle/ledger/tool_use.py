"""How a session used its tools, counted from its events by the database: they may be many, and large."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, func, literal_column, select

from bridle.ledger.schema import event

_TRUE: ColumnElement[Any] = literal_column("'true'::jsonb")
_FALSE: ColumnElement[Any] = literal_column("'false'::jsonb")


def tool_use(session_id: UUID) -> Select[Any]:
    """One row about a session.

    `calls` of tools, and those `repeated`: the same tool with the same input as the call right before;
    `results` that say whether they are an error, and `good` ones that are none.
    """
    payload, mine = event.c.payload, event.c.session_id == session_id
    what = func.md5(cast(func.jsonb_build_array(payload["tool"], payload["input"]), Text))
    called = (
        select((what == func.lag(what).over(order_by=event.c.seq)).label("repeated"))
        .where(mine, event.c.kind == "tool_call")
        .subquery()
    )
    calls = select(func.count(), func.count().filter(called.c.repeated)).select_from(called).subquery()
    ok = payload["ok"]
    results = (
        select(func.count(), func.count().filter(ok == _TRUE))
        .where(mine, event.c.kind == "tool_result", ok.in_([_TRUE, _FALSE]))
        .subquery()
    )
    names = ("calls", "repeated", "results", "good")
    columns = (*calls.c, *results.c)
    return select(*(column.label(name) for column, name in zip(columns, names, strict=True)))
