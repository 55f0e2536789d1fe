"""Brings Airflow's own database to the installed Airflow's version, and knows when there is nothing to do."""

import json
from importlib.metadata import version
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from bridle.errors import StackError
from bridle.local.databases import METADATA_VARIABLE
from bridle.local.files import write_private


class AirflowMigration:
    """Remembers in `marker` which Airflow left which revision in the database.

    `airflow db migrate` takes seven CPU seconds even when it does nothing.
    """

    def __init__(self, url: str, marker: Path) -> None:
        self._url = url
        self._marker = marker

    def needed(self) -> bool:
        """Whether the database may not be what the installed Airflow expects.

        Raises:
            StackError: it cannot be reached.
        """
        state = self._state()
        return not self._marker.exists() or json.loads(self._marker.read_text(encoding="utf-8")) != state

    def done(self) -> None:
        """Remember that the database is what the installed Airflow expects."""
        write_private(self._marker, json.dumps(self._state()))

    def _state(self) -> dict[str, str | None]:
        return {"airflow": version("apache-airflow-core"), "revision": self._revision()}

    def _revision(self) -> str | None:
        parts = make_url(self._url)
        if parts.get_backend_name() != "postgresql":
            return None
        plain = parts.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with psycopg.connect(plain, connect_timeout=10) as connection:
                row = connection.execute("select version_num from alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        except psycopg.OperationalError as error:
            said = str(error).strip().splitlines()[0]
            raise StackError(
                f"Airflow's database at {parts.host} cannot be reached: {said}; "
                f"start it, correct {METADATA_VARIABLE}, or unset that to have one embedded"
            ) from error
        return str(row[0]) if row else None
