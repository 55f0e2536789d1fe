"""Two tables that triggers keep: nobody writes them, so they are no part of `metadata`."""

from sqlalchemy import column, table
from sqlalchemy.types import BigInteger, Date, DateTime, Integer, Text, Uuid

from bridle.ledger.records import Usage
from bridle.ledger.schema import MONEY, SCHEMA

run = table(
    "run",
    *(column(name, Text) for name in ("dag_id", "run_id", "repo", "loop_id", "summary")),
    *(column(name, Integer) for name in ("loop_round", "sessions", "open_sessions")),
    *(column(name, DateTime(timezone=True)) for name in ("opened_at", "last_at")),
    schema=SCHEMA,
)
"""One row for each run that has had a session, or failed before its first."""

spending = table(
    "spending",
    column("session_id", Uuid),
    column("day", Date),
    *(column(name, Text) for name in ("provider", "asked", "model")),
    *(column(name, Text) for name in ("dag_id", "run_id", "role", "agent", "repo")),
    *(column(name, BigInteger) for name in ("calls", "unknown_calls", "unmeasured_calls")),
    *(column(name, BigInteger) for name in ("counted_tokens", *Usage.__dataclass_fields__)),
    *(column(name, MONEY) for name in ("cost", "counted_usd")),
    schema=SCHEMA,
)
"""What a session's calls came to, by UTC day, `provider` and model `asked`, and the `model` that answered.

`repo` is empty for none, `provider` for calls from before it was written down. `unknown_calls` are of unknown
cost, `unmeasured_calls` of unknown usage; `counted_usd` and `counted_tokens` are what budgets have counted.
Its sums are those of `model_call`, call by call: `bridle.count_call` adds each when its row is written.
"""
