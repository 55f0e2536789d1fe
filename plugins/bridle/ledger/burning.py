"""How a budget was spent over time."""

from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Select, cast, func, select

from bridle.ledger.schema import model_call, session
from bridle.ledger.summaries import spending
from bridle.ledger.totals import within


def burned_daily(scope: str) -> Select[Any]:
    """`at`, `usd` and `tokens` for each UTC day on which something in a scope has called a model.

    As in the budget itself, a call of unknown cost counts with its estimate, and one under way not yet.

    Args:
        scope: any but a day's.

    Raises:
        ConfigError: no such kind of scope.
    """
    at = func.timezone("UTC", cast(spending.c.day, DateTime)).label("at")
    usd, tokens = func.sum(spending.c.counted_usd), func.sum(spending.c.counted_tokens)
    query = select(at, usd.label("usd"), tokens.label("tokens"))
    kind, _, name = scope.partition(":")
    if kind == "run":
        dag_id, _, run_id = name.partition("/")
        query = query.where(spending.c.dag_id == dag_id, spending.c.run_id == run_id)
    elif kind == "session":
        query = query.where(spending.c.session_id == UUID(name))
    elif kind != "all":
        query = query.where(spending.c.session_id.in_(select(session.c.id).where(within(scope))))
    return query.group_by(spending.c.day).order_by(spending.c.day)


def burned_hourly(scope: str) -> Select[Any]:
    """The same for each hour of a day.

    Args:
        scope: `day:YYYY-MM-DD`, also of one DAG.
    """
    call = model_call.c
    at = func.date_trunc("hour", call.reserved_at, "UTC").label("at")
    usd = func.coalesce(call.cost, call.estimated_usd, 0)
    tokens = func.coalesce(call.input_tokens + call.output_tokens, call.estimated_tokens)
    return (
        select(at, func.sum(usd).label("usd"), func.sum(tokens).label("tokens"))
        .select_from(model_call.join(session, call.session_id == session.c.id))
        .where(within(scope), call.state != "reserved")
        .group_by(at)
        .order_by(at)
    )
