"""The database is for what happens, not for waiting: sessions wait for models most of the time."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
from harness_bench import Bed

from bridle.errors import StopRequested
from bridle.harness.work import work
from patience import PATIENCE

Make = Callable[..., Bed]


def test_a_session_that_waits_for_its_model_holds_no_connection(bed: Make, ledger_url: str) -> None:
    """Thousands may wait at once: a connection each would be more than PostgreSQL has.

    Each heartbeat opens one, which is gone again before the next heartbeat.
    """
    here = bed({"implement": [[{"text": "I think about it.", "delay": 600}]]})
    step = here.step()

    def wait_for_the_model() -> None:
        with suppress(StopRequested):
            work(step, here.work(access="read", check=None))

    session = threading.Thread(target=wait_for_the_model)
    kept: dict[tuple[int, str], float] = {}
    """Connection of a heartbeat to the seconds since its last statement, when it was last seen."""
    gone: list[float] = []
    """Of those that were seen to be gone."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(ledger_url.replace("+psycopg", ""), autocommit=True) as observer:
        session.start()
        here.wait_for_call()
        while len(gone) < 3 and time.monotonic() < deadline:
            held = observer.execute(
                "select pid, backend_start::text, "
                "extract(epoch from clock_timestamp() - state_change)::float8 from pg_stat_activity "
                "where datname = current_database() and application_name = 'bridle'"
            ).fetchall()
            kept |= {(pid, start): idle for pid, start, idle in held}
            if not held:
                gone += kept.values()
                kept.clear()
            time.sleep(0.05)
    step.stop.set()
    session.join()
    assert len(gone) >= 3, "it is kept from one heartbeat to the next"
    assert min(gone) < 3, "of the five seconds between two heartbeats, each is kept for one"
