"""The tables of searches for the round that went wrong; `schema` would be too long with them."""

from sqlalchemy import Boolean, Column, DateTime, Double, ForeignKey, Index, Integer, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from bridle.ledger.schema import metadata

bisect = Table(
    "bisect",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("dag_id", Text, nullable=False),
    Column("run_id", Text),
    Column("loop_id", Text),
    Column("repo", Text, nullable=False, server_default=""),
    Column("check_name", Text, nullable=False),
    Column("command", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False),
    Column("done_by_dag", Text, nullable=False),
    Column("done_by_run", Text, nullable=False),
    Column("generation", Integer),
    Column("state", Text, nullable=False),
    Column("commits", Integer),
    Column("searched", Integer),
    Column("repeated", Integer),
    Column("good_commit", Text),
    Column("commit", Text),
    Column("session_id", Uuid),
    Column("round", Integer),
    Column("decision_id", Uuid),
    Column("flaky", JSONB, nullable=False, server_default="[]"),
    Column("why", Text, nullable=False, server_default=""),
    Column("opened_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("closed_at", DateTime(timezone=True)),
)
Index("bisect_run", bisect.c.dag_id, bisect.c.run_id)
Index("bisect_loop", bisect.c.loop_id, postgresql_where=bisect.c.loop_id.is_not(None))
Index("bisect_done_by", bisect.c.done_by_dag, bisect.c.done_by_run)

bisect_probe = Table(
    "bisect_probe",
    metadata,
    Column("bisect_id", Uuid, ForeignKey("bridle.bisect.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("commit", Text, nullable=False),
    Column("round", Integer),
    Column("session_id", Uuid),
    Column("again", Boolean, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("timed_out", Boolean, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("check_run_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
