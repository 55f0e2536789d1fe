"""The database is for what happens, not for waiting: sessions wait for models most of the time."""

import threading
import time
from collections.abc import Callable

import psycopg
from harness_bench import Bed

from bridle.harness.work import work

Make = Callable[..., Bed]
WAIT = 14.0


def test_a_session_that_waits_for_its_model_holds_no_connection(bed: Make, ledger_url: str) -> None:
    """Thousands may wait at once: a connection each would be more than PostgreSQL has."""
    here = bed({"implement": [[{"text": "I think about it.", "delay": WAIT}]]})
    step = here.step()
    session = threading.Thread(target=work, args=(step, here.work(access="read", check=None)))
    longest = since = 0.0
    with psycopg.connect(ledger_url.replace("+psycopg", ""), autocommit=True) as observer:
        session.start()
        while session.is_alive():
            (connections,) = observer.execute(
                "select count(*) from pg_stat_activity "
                "where datname = current_database() and application_name = 'bridle'"
            ).fetchone() or (0,)
            since = 0.0 if connections else since or time.monotonic()
            longest = max(longest, time.monotonic() - since if since else 0.0)
            time.sleep(0.05)
    session.join()
    assert longest > 3, "of the five seconds between two heartbeats, the connection is kept for one"
