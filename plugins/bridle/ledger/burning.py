"""How a budget was spent over time."""

from typing import Any

from sqlalchemy import Select, func, select

from bridle.ledger.schema import model_call, session
from bridle.ledger.totals import within


def burned_in(scope: str, *, hourly: bool) -> Select[Any]:
    """`at`, `usd` and `tokens` for each hour, or day, in which something in a scope called a model.

    As in the budget itself, a call of unknown cost counts with its estimate.

    Raises:
        ConfigError: no such kind of scope.
    """
    call = model_call.c
    at = func.date_trunc("hour" if hourly else "day", call.reserved_at, "UTC").label("at")
    usd = func.coalesce(call.cost, call.estimated_usd, 0)
    tokens = func.coalesce(call.input_tokens + call.output_tokens, call.estimated_tokens)
    return (
        select(at, func.sum(usd).label("usd"), func.sum(tokens).label("tokens"))
        .select_from(model_call.join(session, call.session_id == session.c.id))
        .where(within(scope))
        .group_by(at)
        .order_by(at)
    )
