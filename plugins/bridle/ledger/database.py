"""The one connection to Postgres: opened when needed, closed when idle."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import DiskFull, InvalidSchemaName, UndefinedColumn, UndefinedFunction, UndefinedTable
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from bridle.errors import ConfigError, LedgerUnavailable

log = logging.getLogger(__name__)

_PATIENCE = text(
    "SELECT set_config('lock_timeout', '15s', true),"
    " set_config('idle_in_transaction_session_timeout', '15s', true)"
)
_HOPELESS = ("authentication failed", "does not exist")
_NOT_MIGRATED = InvalidSchemaName | UndefinedTable | UndefinedColumn | UndefinedFunction
_PAUSE_SECONDS = 0.5
_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg")


class Database:
    """A task's one connection, shared by its threads, one transaction at a time; a server has a few.

    Nothing is kept in the database's session (no prepared statements, no `SET`, no advisory locks of a
    session), so a pooler in transaction mode may stand in between. A fork opens its own.
    """

    def __init__(
        self, url: str, *, idle_seconds: float = 5, patience_seconds: float = 0, connections: int = 1
    ) -> None:
        """Open nothing yet.

        Args:
            url: SQLAlchemy or libpq URL of the ledger.
            idle_seconds: how long the connection is kept without work.
            patience_seconds: how long to go on trying to connect: a restart of Postgres is no failure.
            connections: at most so many at once; whoever comes when all are in use waits.

        Raises:
            ConfigError: the URL is none of Postgres.
        """
        self.url = postgres_url(url)
        self._idle_seconds = idle_seconds
        self.patience_seconds = patience_seconds
        self._connections = connections
        self._pid: int
        self._guard: threading.Lock
        self._users: int
        self._used_at: float
        self._timer: threading.Timer | None
        self._engine: Engine
        self._forget()

    @property
    def where(self) -> str:
        """Host and database for messages, without user or password."""
        host = self.url.host or self.url.query.get("host") or "localhost"
        return f"{host}:{self.url.port or 5432}/{self.url.database or ''}"

    @contextmanager
    def transaction(self, *, patient: bool = True) -> Iterator[Connection]:
        """One short transaction: committed at the end, rolled back on any exception.

        Args:
            patient: wait for a server that is away; False: say so at once.

        Raises:
            LedgerUnavailable: Postgres cannot be reached, or went away before it had committed.
            ConfigError: it was never migrated.
        """
        with self._using(), self._open(patient) as connection:
            yield connection
            connection.commit()

    def scalar(self, statement: str, values: Mapping[str, object]) -> Any:
        """The value of one statement: a transaction of its own in one round trip.

        It is sent once more, over a new connection, when the connection was lost before the answer: it must
        be one that changes nothing the second time.

        Args:
            statement: SQL with psycopg's placeholders, `%(name)s`.
            values: for the placeholders.

        Raises:
            LedgerUnavailable: Postgres cannot be reached; whether the statement was heard is unknown.
            ConfigError: it was never migrated.
        """
        with self._using():
            try:
                return self._scalar(statement, values)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._scalar(statement, values)

    def _scalar(self, statement: str, values: Mapping[str, object]) -> Any:
        with self._connect(patient=True) as connection:
            driver: Any = connection.connection.driver_connection
            driver.autocommit = True  # no BEGIN and COMMIT of their own
            try:
                # the driver itself: SQLAlchemy would take as long as the database
                row = driver.execute(statement, values).fetchone()
            except psycopg.Error as error:
                lost = driver.closed
                if lost:
                    connection.invalidate(error)
                raise DBAPIError.instance(
                    statement, None, error, psycopg.Error, connection_invalidated=lost
                ) from error
            finally:
                if not driver.closed:
                    driver.autocommit = False
            return row[0]

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Keep the connection from being closed as idle, and tell its errors in our own words."""
        if self._pid != os.getpid():
            # the parent goes on with this connection: drop it without a word to the server
            self._engine.dispose(close=False)
            self._forget()
        with self._guard:
            self._users += 1
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            if isinstance(error, PoolTimeout | OperationalError) or error.connection_invalidated:
                raise LedgerUnavailable(self._unavailable(error)) from error
            if isinstance(error.orig, _NOT_MIGRATED):
                raise ConfigError(f"the ledger at {self.where} lacks tables: run `bridle migrate`") from error
            raise
        finally:
            with self._guard:
                self._users -= 1
                self._used_at = time.monotonic()
                if self._timer is None:
                    self._watch(self._idle_seconds)

    def _open(self, patient: bool) -> Connection:
        """The connection in a new transaction; one that broke while it was idle is replaced."""
        try:
            return self._begin(patient)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._begin(patient)

    def _begin(self, patient: bool) -> Connection:
        connection = self._connect(patient)
        try:
            # a host that dies inside would keep its row locks until TCP gives up, hours later
            connection.execute(_PATIENCE)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, patient: bool) -> Connection:
        patience = self.patience_seconds if patient else 0
        deadline = time.monotonic() + patience
        told = False
        while True:
            try:
                return self._engine.connect()
            except OperationalError as error:
                hopeless = any(words in str(error.orig) for words in _HOPELESS)
                if hopeless or time.monotonic() + _PAUSE_SECONDS > deadline:
                    raise
                if not told:
                    log.warning("the ledger at %s is away: waiting for up to %.0f s", self.where, patience)
                    told = True
                time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        self._engine.dispose(close=self._pid == os.getpid())

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._users = 0
        self._used_at = 0.0
        self._timer = None
        self._engine = _engine(self.url, self._connections)

    def _watch(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._close_if_idle)
        timer.daemon = True
        timer.start()
        self._timer = timer

    def _close_if_idle(self) -> None:
        with self._guard:
            left = self._idle_seconds - (time.monotonic() - self._used_at)
            if self._users or left > 0:
                self._watch(max(left, 0.1))
                return
            self._timer = None
            self._engine.dispose()

    def _unavailable(self, error: Exception) -> str:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        password = self.url.password
        if password:
            cause = cause.replace(str(password), "[redacted]")
        if isinstance(getattr(error, "orig", None), DiskFull):
            return (
                f"the ledger at {self.where} has no room for more: {cause}. Make room on its server's "
                "disk; the task's retry goes on from here"
            )
        return (
            f"the ledger at {self.where} cannot be reached: {cause}. Start it (`bridle up`), or correct the "
            "Airflow connection `bridle_ledger`; the task's retry goes on from here"
        )


def postgres_url(url: str) -> URL:
    """Any spelling of a Postgres URL, for the psycopg 3 driver.

    Raises:
        ConfigError: it is no Postgres URL; the message does not repeat it.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "the ledger's URL cannot be read; it looks like postgresql://user:password@host:5432/bridle"
        ) from error
    if parsed.drivername not in _POSTGRES:
        raise ConfigError(f"the ledger needs PostgreSQL 15 or newer, not {parsed.drivername}")
    return parsed.set(drivername="postgresql+psycopg")


def _engine(url: URL, connections: int) -> Engine:
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30,
        connect_args={
            "prepare_threshold": None,
            "connect_timeout": int(str(url.query.get("connect_timeout", 10))),
            "application_name": "bridle",
            "tcp_user_timeout": 15_000,
        },
    )
