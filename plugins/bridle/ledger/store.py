"""The ledger, whole: one object through which a task writes and reads what happened."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL, select, text

from bridle.errors import ConfigError, CredentialError
from bridle.guard.redact import Redactor
from bridle.ledger.artifacts import Artifacts
from bridle.ledger.bisects import Bisects
from bridle.ledger.budgets import Budgets
from bridle.ledger.calls import Calls
from bridle.ledger.checks import Checks
from bridle.ledger.claims import Claims
from bridle.ledger.database import Database
from bridle.ledger.door import Door
from bridle.ledger.effect_log import EffectLog
from bridle.ledger.failures import Failures
from bridle.ledger.gauges import Gauges
from bridle.ledger.loops import Loops
from bridle.ledger.reviews import Reviews
from bridle.ledger.schema import HEAD, SCHEMA
from bridle.ledger.searched import Work
from bridle.ledger.sessions import Sessions
from bridle.ledger.spool import Spool
from bridle.ledger.tasks import Tasks
from bridle.ledger.totals import Sums
from bridle.ledger.watches import Watches

_PATIENCE_SECONDS = 45.0
_LIBPQ = ("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "connect_timeout", "options")


class Ledger(
    Claims,
    Sessions,
    Calls,
    Budgets,
    Sums,
    Checks,
    Failures,
    Reviews,
    EffectLog,
    Artifacts,
    Loops,
    Tasks,
    Watches,
    Bisects,
    Work,
    Gauges,
):
    """What happened, in Postgres.

    Every text that goes in is redacted and size-capped; at most one connection is open, and only while it is
    used. Safe to share between threads. A context manager.
    """

    def __init__(
        self,
        url: str,
        *,
        redactor: Redactor | None = None,
        spool: Path | None = None,
        idle_seconds: float = 1,
        patience_seconds: float = 0,
        connections: int = 1,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: SQLAlchemy or libpq URL of the ledger's database.
            redactor: knows the secrets of the task; its own password is added to it.
            spool: folder for events while Postgres is away; default: `$AIRFLOW_HOME/bridle/spool`.
            idle_seconds: how long an unused connection is kept: a session that waits for its model has none.
            patience_seconds: how long to wait for a server that is away; `record` never waits.
            connections: at most so many at once: one is enough for a task, a server of many users has a few.

        Raises:
            ConfigError: the URL is none of Postgres.
        """
        self._db = Database(
            url, idle_seconds=idle_seconds, patience_seconds=patience_seconds, connections=connections
        )
        self.redactor = redactor if redactor is not None else Redactor()
        if self._db.url.password:
            self.redactor.add(str(self._db.url.password))
        self._door = Door(self.redactor)
        home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
        self._spool = Spool(spool or home / "bridle" / "spool")
        self._last_seq = {}
        self._numbering = threading.Lock()
        self._away_until = 0.0

    @classmethod
    def from_connection(
        cls, conn_id: str = "bridle_ledger", *, redactor: Redactor | None = None, spool: Path | None = None
    ) -> Self:
        """The ledger behind an Airflow connection, for a task: it waits 45 s for a server that restarts.

        Raises:
            CredentialError: there is no such connection, or it is none to Postgres.
        """
        return cls(
            _connection_url(conn_id), redactor=redactor, spool=spool, patience_seconds=_PATIENCE_SECONDS
        )

    @property
    def url(self) -> str:
        """Where it is, password included; for `bridle.ledger.queries`."""
        return self._db.url.render_as_string(hide_password=False)

    @property
    def patience_seconds(self) -> float:
        """How long it waits for a server that is away."""
        return self._db.patience_seconds

    def close(self) -> None:
        """Close the connection; using the ledger again opens another."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check_schema(self) -> None:
        """Make sure that the tables are those that this version of Bridle was written for.

        Raises:
            ConfigError: migrations are missing, or a newer Bridle has been here.
        """
        version = select(text("version_num")).select_from(text(f"{SCHEMA}.alembic_version"))
        with self._db.transaction() as connection:
            found = connection.scalar(version)
        if found is None or found < HEAD:
            raise ConfigError(
                f"the ledger at {self._db.where} is at migration {found or 'none'}, this Bridle needs "
                f"{HEAD}: run `bridle migrate`"
            )
        if found > HEAD:
            raise ConfigError(
                f"the ledger at {self._db.where} is at migration {found}, this Bridle knows only {HEAD}: "
                "upgrade airflow-bridle here (`bridle migrate` cannot go back)"
            )


def _connection_url(conn_id: str) -> str:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise CredentialError(
            f"Airflow has no connection `{conn_id}`: add one of type Postgres to the ledger's database, for "
            f"instance AIRFLOW_CONN_{conn_id.upper()}=postgresql://user:password@host:5432/bridle"
        ) from error
    if connection.conn_type not in ("postgres", "postgresql"):
        raise CredentialError(f"the Airflow connection `{conn_id}` is {connection.conn_type}, not Postgres")
    extra = connection.extra_dejson
    return URL.create(
        "postgresql+psycopg",
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema or None,
        query={key: str(extra[key]) for key in _LIBPQ if key in extra},
    ).render_as_string(hide_password=False)
