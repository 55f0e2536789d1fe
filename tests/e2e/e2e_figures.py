"""Figures of the ledger by SQL of our own, and figures as a page shows them."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from e2e_run import Run
from sqlalchemy import RowMapping, create_engine, make_url, text

from bridle.local.databases import METADATA

T = TypeVar("T")
U = TypeVar("U")

OF_RUN = "s.dag_id = :dag and s.run_id = :run"
"""A condition, with the parameters of `key_of`."""
UNITS = {"K": 1_000, "M": 1_000_000}
SECONDS_OF = {"ms": 0.001, "s": 1, "min": 60, "h": 3_600, "d": 86_400}


def rows(ledger_url: str, sql: str, **params: object) -> Sequence[RowMapping]:
    """What a query gives; `bridle` is the schema that it looks in."""
    engine = create_engine(ledger_url)
    try:
        with engine.connect() as connection:
            connection.execute(text("set search_path to bridle"))
            return connection.execute(text(sql), params).mappings().all()
    finally:
        engine.dispose()


def of_airflow(ledger_url: str, sql: str, **params: object) -> Sequence[RowMapping]:
    """What a query of Airflow's own database gives, which the same server has; tables are in `public`."""
    url = make_url(ledger_url).set(database=METADATA).render_as_string(hide_password=False)
    return rows(url, sql, **params)


def scalar(ledger_url: str, sql: str, **params: object) -> Any:
    """The one value that a query gives."""
    ((value,),) = [tuple(row.values()) for row in rows(ledger_url, sql, **params)]
    return value


def spent(ledger_url: str, where: str = "true", **params: object) -> RowMapping:
    """What the model calls of some sessions came to, added up call by call.

    Args:
        ledger_url: where.
        where: a condition on the session `s` and the call `c`.
        params: of the condition.
    """
    sql = f"""
        select count(*) as calls,
               count(*) filter (where c.cost is null) as unknown,
               count(*) filter (where c.status <> 'ok') as failed,
               coalesce(sum(c.cost), 0) as usd,
               coalesce(sum(c.input_tokens), 0) as input,
               coalesce(sum(c.cache_read_tokens), 0) as cache_read,
               coalesce(sum(c.cache_write_tokens), 0) as cache_write,
               coalesce(sum(c.reasoning_tokens), 0) as reasoning,
               coalesce(sum(c.output_tokens), 0) as output,
               coalesce(sum(c.input_tokens + c.output_tokens), 0) as tokens,
               count(distinct s.id) as sessions,
               count(distinct (s.dag_id, s.run_id)) as runs
        from model_call c join session s on s.id = c.session_id where {where}
    """
    (row,) = rows(ledger_url, sql, **params)
    return row


def key_of(run: Run) -> dict[str, str]:
    """Parameters of `OF_RUN`."""
    return {"dag": run.dag_id, "run": run.run_id}


def split_of(exact: RowMapping) -> dict[str, int]:
    """Tokens as pages split them; reasoning only where there was any."""
    thought = {"reasoning": exact["reasoning"]} if exact["reasoning"] else {}
    return {
        "input": exact["input"] - exact["cache_read"] - exact["cache_write"],
        "read from cache": exact["cache_read"],
        "written to cache": exact["cache_write"],
        "output": exact["output"],
        **thought,
    }


def shows(told: str, exact: float | Decimal | int) -> bool:
    """Whether a text begins with a number that is `exact`, rounded to the digits that are shown."""
    value, step = _read(told)
    return abs(value - Decimal(exact)) <= step / 2


def shows_between(told: str, lowest: float | Decimal | int, highest: float | Decimal | int) -> bool:
    """As `shows`, for a number that grows while it is looked at."""
    value, step = _read(told)
    return Decimal(lowest) - step / 2 <= value <= Decimal(highest) + step / 2


def shows_seconds(told: str, exact: float) -> bool:
    """Whether a text is a time as pages write it, such as `1 min 5 s`, and that of `exact` seconds."""
    parts = re.findall(r"(\d+)(\.\d+)? (ms|s|min|h|d)\b", told)
    assert parts, f"no time in {told!r}"
    value = sum(float(whole + part) * SECONDS_OF[unit] for whole, part, unit in parts)
    _, part, unit = parts[-1]
    step = SECONDS_OF[unit] * 10.0 ** -max(0, len(part) - 1)
    # longer than an hour, what is left of a minute is left out
    return abs(value - exact) <= (step if unit in ("min", "h", "d") else step / 2 + 1e-3)


def at_rest(exact: Callable[[], T], shown: Callable[[], U]) -> tuple[T, U]:
    """Both, at a moment when nothing has changed from before to after the page was read."""
    for _ in range(40):
        before, told = exact(), shown()
        if exact() == before:
            return before, told
    raise AssertionError("what is to be compared never stands still")


def _read(told: str) -> tuple[Decimal, Decimal]:
    found = re.match(r"\D*?([\d,]+)(\.\d+)?([KM])?", told)
    assert found, f"no number in {told!r}"
    unit = UNITS.get(found[3] or "", 1)
    value = Decimal(found[1].replace(",", "") + (found[2] or "")) * unit
    # 34K is 34.0K, written shorter
    digits = 1 if found[3] else len(found[2] or ".") - 1
    return value, Decimal(unit) * Decimal(10) ** -digits
