"""What the ledger forgets: it would grow for ever otherwise.

Rows about what happened stay (sessions, model calls, decisions, checks, reviews, effects, budgets): they are
small, and the books. What goes when it is old is bulk: events, transcripts, artifacts and bundles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Table,
    Text,
    cast,
    delete,
    func,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from bridle.errors import ConfigError
from bridle.ledger.database import Database
from bridle.ledger.ids import first_id
from bridle.ledger.partitions import drop_partitions, make_partitions
from bridle.ledger.schema import artifact, bundle, event, metadata, model_call, transcript

_BULK = (artifact, transcript, bundle, event, model_call)
"""Tables that speak of no artifact."""

_VARIABLE = "BRIDLE_KEEP_{}_DAYS"

_TRANSCRIPTS = """
WITH old AS (
    DELETE FROM bridle.transcript t USING bridle.session s
    WHERE t.session_id = s.id AND s.closed_at IS NOT NULL AND t.at < :before RETURNING t.session_id)
UPDATE bridle.session SET transcript_ref = NULL WHERE id IN (SELECT session_id FROM old)
"""

# a bundle builds on others: what a young one needs stays
_BUNDLES = """
WITH RECURSIVE needed AS (
    SELECT repo, sha, base_sha FROM bridle.bundle WHERE at >= :before
    UNION SELECT b.repo, b.sha, b.base_sha FROM bridle.bundle b
    JOIN needed n ON b.repo = n.repo AND b.sha = n.base_sha)
DELETE FROM bridle.bundle b
WHERE b.at < :before AND NOT EXISTS (SELECT FROM needed n WHERE n.repo = b.repo AND n.sha = b.sha)
"""


@dataclass(frozen=True)
class Retention:
    """For how many days what is kept; read from `BRIDLE_KEEP_EVENTS_DAYS` and so on."""

    events: int = 90
    """Texts, tool calls and results of sessions. Whole months go at once."""
    transcripts: int = 30
    """What an agent needs to resume an interrupted session."""
    artifacts: int = 180
    """Prompts, diffs, outputs of checks, long results."""
    bundles: int = 90
    """Commits and checkpoints on their way between hosts."""

    @classmethod
    def given(cls, env: Mapping[str, str]) -> Self:
        """What the environment says, else the defaults.

        Raises:
            ConfigError: a value is no number of days.
        """
        values = {}
        for field in fields(cls):
            variable = _VARIABLE.format(field.name.upper())
            said = env.get(variable)
            if said is None:
                continue
            if not said.isdecimal() or int(said) < 1:
                raise ConfigError(f"{variable} is {said!r}; it must be a number of days, at least 1")
            values[field.name] = int(said)
        return cls(**values)


@dataclass(frozen=True)
class Forgotten:
    """What was deleted."""

    partitions: tuple[str, ...]
    """Of events, each a whole month."""
    events: int
    """From the default partition."""
    transcripts: int
    artifacts: int
    bundles: int


def retire(url: str, keep: Retention, *, now: datetime | None = None) -> Forgotten:
    """Delete what is older than `keep` says, and make the coming months' partitions.

    Args:
        url: of the tables' owner: the role of tasks may not delete.
        keep: for how long.
        now: the moment to count back from; default: the present.

    Raises:
        LedgerUnavailable: Postgres cannot be reached.
        ConfigError: the ledger was never migrated.
    """
    moment = now or datetime.now(UTC)
    database = Database(url)
    try:
        with database.transaction() as connection:
            make_partitions(connection, moment, months=3)
        with database.transaction() as connection:
            cut = moment - timedelta(days=keep.events)
            partitions = drop_partitions(connection, event, before=cut)
            events = _delete(
                connection,
                "DELETE FROM bridle.event_default WHERE session_id < :before",
                str(first_id(cut)),
            )
        with database.transaction() as connection:
            transcripts = _delete(connection, _TRANSCRIPTS, moment - timedelta(days=keep.transcripts))
        with database.transaction() as connection:
            artifacts = _delete_artifacts(connection, moment - timedelta(days=keep.artifacts))
        with database.transaction() as connection:
            bundles = _delete(connection, _BUNDLES, moment - timedelta(days=keep.bundles))
    finally:
        database.close()
    return Forgotten(tuple(partitions), events, transcripts, artifacts, bundles)


def _delete(connection: Connection, statement: str, before: object) -> int:
    return connection.execute(text(statement), {"before": before}).rowcount


def _delete_artifacts(connection: Connection, before: datetime) -> int:
    """Delete old artifacts that no young row speaks of: the same content again is the same artifact."""
    said = [
        select(cast(column, Text).label("said")).where(moment >= before)
        for table in metadata.sorted_tables
        if table not in _BULK and (moment := _moment(table)) is not None
        for column in table.c
        if isinstance(column.type, Text | JSONB)
    ]
    young = union_all(*said).subquery()
    digest = func.array_to_string(func.regexp_matches(young.c.said, "[0-9a-f]{64}", "g"), "")
    used = select(digest).select_from(young)
    old = delete(artifact).where(artifact.c.at < before, artifact.c.digest.not_in(used))
    return connection.execute(old).rowcount


def _moment(table: Table) -> Column[Any] | None:
    """The column that says when a row was made."""
    return next((column for column in table.c if isinstance(column.type, DateTime)), None)
