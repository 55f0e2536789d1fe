"""Events of a session whose ledger goes away, on a host whose disk is full meanwhile; prints what is kept.

python full_spool.py FOLDER
"""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from bridle.agents.base import Event, EventKind
from bridle.ledger import events
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger
from bridle.testing.ledger import session_start

URL = os.environ["AIRFLOW_CONN_BRIDLE_LEDGER"]


def main(folder: Path) -> None:
    """Record five events; the third finds no room."""
    full = folder / "host" / "large"
    with Ledger(URL, spool=folder / "host" / "spool") as ledger:
        attempt = Attempt(StepKey("dag", "run", "implement"), str(new_id()), 1, 0)
        session = ledger.open_session(session_start(attempt, ledger.take_step(attempt)))

        def tell(text: str) -> None:
            ledger.record(session, [Event(kind=EventKind.TEXT, payload={"text": text})])

        tell("first")
        _connections(allowed=False)
        tell("second")
        with suppress(OSError):
            full.write_bytes(b"x" * 2_000_000)
        try:
            tell("third" + "x" * 9_000)  # more than what the file's last page has left
        except OSError as error:
            told = str(error)
        full.unlink()
        tell("fourth")
        _connections(allowed=True)
        time.sleep(events._AWAY_SECONDS)
        tell("fifth")
        kept = [row.payload["text"] for row in ledger.events(session)]
    left = [path.name for path in (folder / "host" / "spool").iterdir()]
    print(json.dumps([{"kept": kept, "error": told, "left": left}]))


def _connections(*, allowed: bool) -> None:
    """Let the server take the ledger away, or give it back."""
    name = psycopg.conninfo.conninfo_to_dict(URL)["dbname"]
    with psycopg.connect(URL, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
        if not allowed:
            gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(gone, [name])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
