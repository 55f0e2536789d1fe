"""How a session used its tools, counted from its events by the database: they may be many, and large."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, distinct, func, literal_column, select

from bridle.ledger.schema import event

READING = ("read", "view", "notebookread", "read_file", "open")
"""Tools that read one file, in small letters."""
_TRUE: ColumnElement[Any] = literal_column("'true'::jsonb")
_FALSE: ColumnElement[Any] = literal_column("'false'::jsonb")


def tool_use(session_id: UUID) -> Select[Any]:
    """One row about a session.

    `calls` and `distinct_calls` (by tool and input); `reads` of files and `files` read; `results` that say
    whether they are an error, and `good` ones that are none.
    """
    payload = event.c.payload
    given, tool, ok = payload["input"], payload["tool"], payload["ok"]
    path = func.coalesce(func.nullif(given["file_path"].astext, ""), func.nullif(given["path"].astext, ""))
    is_call, is_result = event.c.kind == "tool_call", event.c.kind == "tool_result"
    is_read = is_call & func.lower(tool.astext).in_(READING) & path.is_not(None)
    what = func.md5(cast(func.jsonb_build_array(tool, given), Text))
    told = is_result & ok.in_([_TRUE, _FALSE])
    counted: list[ColumnElement[Any]] = [
        func.count().filter(is_call).label("calls"),
        func.count(distinct(what)).filter(is_call).label("distinct_calls"),
        func.count().filter(is_read).label("reads"),
        func.count(distinct(path)).filter(is_read).label("files"),
        func.count().filter(told).label("results"),
        func.count().filter(told & (ok == _TRUE)).label("good"),
    ]
    return select(*counted).where(event.c.session_id == session_id, is_call | is_result)
