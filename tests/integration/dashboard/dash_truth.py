"""What a page should show, computed anew from the rows by plain SQL of its own."""

from datetime import datetime
from decimal import Decimal

KEYS = {
    "repo": "coalesce(s.repo, '')",
    "role": "s.role",
    "model": "coalesce(c.answered_model, c.model)",
    "dag": "s.dag_id",
    "agent": "s.agent",
    "day": "to_char(c.reserved_at at time zone 'UTC', 'YYYY-MM-DD')",
}
"""By what costs are added up."""

SPENT = """
select count(*) calls,
       coalesce(sum(c.input_tokens), 0)::int input_tokens,
       coalesce(sum(c.output_tokens), 0)::int output_tokens,
       coalesce(sum(c.cache_read_tokens), 0)::int cache_read_tokens,
       coalesce(sum(c.cache_write_tokens), 0)::int cache_write_tokens,
       coalesce(sum(c.reasoning_tokens), 0)::int reasoning_tokens,
       coalesce(sum(c.cost), 0) known_usd, count(*) filter (where c.cost is null) unknown_calls
from bridle.model_call c join bridle.session s on s.id = c.session_id
"""


def totals(books, where="true", **values):
    """What the calls that fit came to, as the API says it."""
    (row,) = books.sql(f"{SPENT} where {where}", **values)
    row["tokens"] = row["input_tokens"] + row["output_tokens"]
    row["cost_usd"] = None if row["unknown_calls"] else row["known_usd"]
    return row


def plain(told):
    """Totals of an answer, with numbers for decimal strings."""
    money = {name: told[name] and Decimal(told[name]) for name in ("cost_usd", "known_usd")}
    return {**told, **{name: Decimal(0) if value == "0" else value for name, value in money.items()}}


def names(books, key, where="true", **values):
    """Every name by which something was spent."""
    rows = books.sql(
        f"select distinct {key} as name from bridle.model_call c "
        f"join bridle.session s on s.id = c.session_id where {where}",
        **values,
    )
    return {row["name"] for row in rows}


def runs(books):
    """Every run, the newest first."""
    return books.sql(
        "select dag_id, run_id, count(*) sessions, count(*) filter (where closed_at is null) open_sessions, "
        "min(opened_at) opened_at, max(coalesce(closed_at, opened_at)) last_at, "
        "(array_agg(repo order by id) filter (where repo is not null))[1] repo, min(loop_id) loop_id, "
        "min(loop_round) round from bridle.session group by 1, 2 order by 5 desc, 1 desc, 2 desc"
    )


def moment(text):
    """A time of an answer."""
    return None if text is None else datetime.fromisoformat(text)
