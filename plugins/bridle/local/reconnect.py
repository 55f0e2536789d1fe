"""Lets Airflow's components ride out a restart of their database, and share it through a pooler.

Without `install` a database that is away for three seconds ends scheduler and DAG processor. The stack's
`airflow_local_settings.py` calls it; so may yours.
"""

import asyncio
import os
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.util import await_only

CONNECT_ARGS = {"prepare_threshold": None}
"""For Airflow's `sql_alchemy_connect_args` and `…_async`, both with psycopg 3, behind a pooler in transaction
mode: a prepared statement would stay on a connection that is somebody else's next."""

PATIENCE_VARIABLE = "BRIDLE_RECONNECT_SECONDS"
_PAUSE_SECONDS = 0.5


def install() -> None:
    """Retry connections to Airflow's metadata database for a minute (`BRIDLE_RECONNECT_SECONDS`)."""
    from airflow.configuration import conf

    url = make_url(conf.get_mandatory_value("database", "sql_alchemy_conn"))
    patience = float(os.environ.get(PATIENCE_VARIABLE, "60"))

    @event.listens_for(Engine, "do_connect")
    def ride(dialect: Any, record: Any, args: Any, parameters: dict[str, Any]) -> Any:
        if (parameters.get("host"), parameters.get("dbname")) != (url.host, url.database):
            return None  # somebody else's database: not ours to be patient with
        deadline = time.monotonic() + patience
        while True:
            try:
                return dialect.connect(*args, **parameters)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() > deadline:
                    raise
            if dialect.is_async:
                await_only(asyncio.sleep(_PAUSE_SECONDS))
            else:
                time.sleep(_PAUSE_SECONDS)
