"""The ledger's tables, in a Postgres schema of their own: `bridle`.

Several names (`session`, `event`) are common; a schema keeps them apart from Airflow's when both share a
database. Every time is the database's own.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA = "bridle"
HEAD = "0009"
"""Newest migration; kept here so that a task can compare without loading Alembic."""

metadata = MetaData(schema=SCHEMA)

MONEY = Numeric(20, 10)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _attempt() -> list[Column[object]]:
    """Which try of which step a row belongs to."""
    return [
        Column("dag_id", Text, nullable=False),
        Column("run_id", Text, nullable=False),
        Column("task_id", Text, nullable=False),
        Column("map_index", Integer, nullable=False),
        Column("ti_id", Text, nullable=False),
        Column("try_number", Integer, nullable=False),
        Column("generation", Integer, nullable=False),
        Column("loop_id", Text),
        Column("loop_round", Integer),
    ]


def _written() -> list[Column[Any]]:
    """What was written outside, and by whom."""
    return [
        *(Column(name, Text, nullable=False) for name in ("version", "kind", "target", "state")),
        *_attempt(),
        *(Column(name, Text, nullable=False) for name in ("fence_key", "fence_holder")),
        Column("fence_token", BigInteger, nullable=False),
        _now("intended_at"),
        _time("done_at"),
        Column("receipt", JSONB),
        _text("why"),
    ]


loop = Table(
    "loop",
    metadata,
    Column("id", Text, primary_key=True),
    Column("dag_id", Text, nullable=False),
    _text("goal"),
    Column("state", Text, nullable=False, server_default="running"),
    _now("opened_at"),
    _time("closed_at"),
    _text("reason"),
    _text("repo"),
    Column("params", JSONB, nullable=False, server_default="{}"),
    _time("deadline"),
    _text("base_commit"),
    _text("head_commit"),
    _text("branch"),
)

loop_round = Table(
    "loop_round",
    metadata,
    Column("loop_id", Text, ForeignKey("bridle.loop.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("base_commit", Text, nullable=False),
    _text("head_commit"),
    Column("decision", JSONB, nullable=False, server_default="{}"),
    Column("dispatched", JSONB, nullable=False, server_default="[]"),
    Column("delivered", JSONB, nullable=False, server_default="[]"),
    Column("checks", JSONB, nullable=False, server_default="[]"),
    Column("answer", JSONB, nullable=False, server_default="{}"),
    _text("verdict"),
    _text("reason"),
    _count("tokens"),
    Column("cost_usd", MONEY),
    _now("opened_at"),
    _time("closed_at"),
)

session = Table(
    "session",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_attempt(),
    Column("fence_key", Text, nullable=False),
    Column("fence_token", BigInteger, nullable=False),
    Column("fence_holder", Text, nullable=False),
    Column("round", Integer, nullable=False),
    _text("role"),
    _text("agent"),
    _text("model"),
    _text("provider"),
    _text("dialect"),
    Column("repo", Text),
    Column("base_commit", Text),
    _text("isolation"),
    Column("prompt_ref", Text, nullable=False),
    Column("prompt_digest", Text, nullable=False),
    Column("limits", JSONB, nullable=False),
    Column("resumed_from", Uuid),
    _now("opened_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("checkpoint", Text),
    _time("closed_at"),
    Column("outcome", Text),
    _text("reason"),
    _text("summary"),
    Column("result", JSONB),
    _text("session_ref"),
    Column("turns", Integer, nullable=False, server_default="0"),
    Column("commit", Text),
    Column("reported", JSONB, nullable=False, server_default="{}"),
    Column("transcript_ref", Text),
    Column("diff_ref", Text),
    Index("session_words", text("to_tsvector('simple', left(summary, 4000))"), postgresql_using="gin"),
)
Index(
    "session_step",
    *(session.c[name] for name in ("dag_id", "run_id", "task_id", "map_index", "generation", "round")),
    postgresql_include=["opened_at"],
)
Index("session_loop", session.c.loop_id, postgresql_where=session.c.loop_id.is_not(None))
Index("session_opened", session.c.opened_at)
Index("session_open", session.c.expires_at, postgresql_where=session.c.closed_at.is_(None))

event = Table(
    "event",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    postgresql_partition_by="RANGE (session_id)",
)

model_call = Table(
    "model_call",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("fence_token", BigInteger, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("dialect", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("answered_model", Text),
    Column("estimated_tokens", BigInteger, nullable=False),
    Column("estimated_usd", MONEY),
    Column("request_bytes", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="reserved"),
    Column("status", Text),
    Column("http_status", Integer),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost", MONEY),
    _text("currency"),
    _text("price_source"),
    _text("price_version"),
    Column("latency_ms", Integer),
    Column("first_byte_ms", Integer),
    _now("reserved_at"),
    _time("settled_at"),
    Column("provider", Text, nullable=False, server_default=""),
    postgresql_partition_by="RANGE (session_id)",
)
Index("model_call_id", model_call.c.id)
Index("model_call_reserved", model_call.c.reserved_at)
Index("model_call_large", model_call.c.reserved_at, postgresql_where=text("input_tokens > 100000"))

decision = Table(
    "decision",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_attempt(),
    Column("what", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("choice", Text, nullable=False),
    _text("why"),
    Column("confidence", Double),
    Column("by", Text, nullable=False),
    _now("at"),
)
Index("decision_run", decision.c.dag_id, decision.c.run_id)

check_run = Table(
    "check_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_attempt(),
    Column("session_id", Uuid),
    Column("round", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("commit", Text),
    Column("exit_code", Integer),
    Column("seconds", Double, nullable=False),
    _text("tail"),
    Column("artifact", Text),
    Column("timed_out", Boolean, nullable=False),
    _now("at"),
)
Index("check_run_step", check_run.c.dag_id, check_run.c.run_id, check_run.c.task_id)

failure = Table(
    "failure",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_attempt(),
    Column("kind", Text, nullable=False),
    _text("reason"),
    Column("retryable", Boolean, nullable=False),
    _now("at"),
)
Index("failure_run", failure.c.dag_id, failure.c.run_id)

review = Table(
    "review",
    metadata,
    Column("id", Uuid, primary_key=True),
    *_attempt(),
    Column("subject", Text, nullable=False),
    Column("commit", Text, nullable=False),
    Column("patch_hash", Text, nullable=False),
    Column("snapshot", JSONB, nullable=False),
    _now("opened_at"),
    Column("decision", Text),
    Column("by", Text),
    _text("feedback"),
    _time("answered_at"),
)
Index("review_run", review.c.dag_id, review.c.run_id)

effect = Table("effect", metadata, Column("key", Text, primary_key=True), *_written())
"""One row for each object in the world: what was written to it last, or is about to be."""
Index("effect_run", effect.c.dag_id, effect.c.run_id)

effect_past = Table(
    "effect_past",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False),
    *_written(),
)
"""What was done before that; a trigger keeps each row of `effect` that is done when it is written over."""
Index("effect_past_run", effect_past.c.dag_id, effect_past.c.run_id)

artifact = Table(
    "artifact",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    _text("name"),
    Column("size", BigInteger, nullable=False),
    Column("compressed", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    _now("at"),
)

transcript = Table(
    "transcript",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("compressed", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    _now("at"),
)
"""The newest of each session, written over every few seconds while it works: all of it each time."""

bundle = Table(
    "bundle",
    metadata,
    Column("repo", Text, primary_key=True),
    Column("sha", Text, primary_key=True),
    Column("base_sha", Text),
    Column("data", LargeBinary, nullable=False),
    _now("at"),
)

budget = Table(
    "budget",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("cap_usd", MONEY),
    Column("cap_tokens", BigInteger),
    Column("reserved_usd", MONEY, nullable=False, server_default="0"),
    _count("reserved_tokens"),
    Column("spent_usd", MONEY, nullable=False, server_default="0"),
    _count("spent_tokens"),
    _count("calls"),
    Column("stopped_by", Text),
    _time("stopped_at"),
    Column("capped_by", Text),
    Column("generation", Integer),
    Column("warned_usd", MONEY),
    Column("warned_tokens", BigInteger),
    _time("warned_at"),
)

Index("budget_kind", func.split_part(budget.c.scope, text("':'"), text("1")), budget.c.scope)

claim = Table(
    "claim",
    metadata,
    Column("key", Text, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    _text("rank"),
    _time("expires_at"),
)

spec_task = Table(
    "spec_task",
    metadata,
    Column("spec", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    _text("title"),
    _text("wording"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("reason"),
    Column("commit", Text),
    _text("dag_id"),
    _text("run_id"),
    _now("at"),
)

watch = Table(
    "watch",
    metadata,
    Column("repo", Text, primary_key=True),
    Column("config", Text, nullable=False),
    _text("etag"),
    _text("cursor"),
    _time("wait_until"),
    _now("at"),
)

issue_attempt = Table(
    "issue_attempt",
    metadata,
    Column("repo", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    _now("opened_at"),
    _time("closed_at"),
)
Index("issue_attempt_cause", issue_attempt.c.repo, issue_attempt.c.number, issue_attempt.c.cause, unique=True)
Index("issue_attempt_open", issue_attempt.c.repo, postgresql_where=issue_attempt.c.closed_at.is_(None))

PARTITIONED = (event, model_call)
