"""Bringing the ledger's tables up to date; needs the right to create, which tasks need not have."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, inspect, text

from bridle.errors import ConfigError, LedgerUnavailable
from bridle.ledger.database import Database, postgres_url
from bridle.ledger.grants import grant_tasks
from bridle.ledger.partitions import make_partitions
from bridle.ledger.schema import SCHEMA

_OLDEST = 150_000
_LOCK = 0x62726964
"""Number of the lock that lets one migration run at a time: `brid`."""


def upgrade(url: str, *, create_database: bool = False) -> None:
    """Bring the ledger to the newest migration; rights of tasks and the coming months' partitions too.

    Safe to run at any time, from several places at once.

    Args:
        url: of a user who may create in the database.
        create_database: make the database first when there is none.

    Raises:
        LedgerUnavailable: Postgres cannot be reached.
        ConfigError: the server is older than PostgreSQL 15, or the ledger is newer than this Bridle.
    """
    if create_database:
        _create_database(url)
    database = Database(url)
    try:
        with database.transaction() as connection:
            _require_version(connection)
            connection.execute(text("SELECT set_config('lock_timeout', '0', true)"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            found = _current(connection)
            if found is not None and found > head():
                raise ConfigError(
                    f"the ledger at {database.where} is at migration {found}, this Bridle knows only "
                    f"{head()}: upgrade airflow-bridle here"
                )
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            grant_tasks(connection)
            make_partitions(connection, datetime.now(UTC), months=3)
    finally:
        database.close()


def current(url: str) -> str | None:
    """The migration that a ledger is at; None when it has never been migrated.

    Raises:
        LedgerUnavailable: Postgres cannot be reached.
    """
    database = Database(url)
    try:
        with database.transaction() as connection:
            return _current(connection)
    finally:
        database.close()


def head() -> str:
    """The newest migration of this version of Bridle."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise ConfigError("the package has no migrations; install airflow-bridle anew")
    return newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version", schema=SCHEMA):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))  # noqa: S608
    return found


def _require_version(connection: Connection) -> None:
    version = int(connection.scalar(text("SHOW server_version_num")) or 0)
    if version < _OLDEST:
        raise ConfigError(f"the ledger needs PostgreSQL 15 or newer; this server is {version // 10_000}")


def _create_database(url: str) -> None:
    parsed = postgres_url(url)
    name = parsed.database or ""
    plain = parsed.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    try:
        with psycopg.connect(
            plain, autocommit=True, connect_timeout=10, prepare_threshold=None
        ) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return  # another migration was faster
    except psycopg.OperationalError as error:
        raise LedgerUnavailable(
            f"PostgreSQL at {parsed.host}:{parsed.port or 5432} cannot be reached: "
            f"{str(error).strip().splitlines()[0]}. Start it (`bridle up`), or correct the ledger's URL"
        ) from error
