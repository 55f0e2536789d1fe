"""Poolers in transaction mode may stand in front: nothing is kept in the database's session."""

import os
import pwd
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from ledger_rows import STEP, make_attempt, make_call, make_start
from sqlalchemy import make_url, text

from bridle.agents.base import Event, EventKind
from bridle.errors import LedgerUnavailable
from bridle.ledger.records import Price, Usage
from bridle.ledger.store import Ledger
from bridle.local.ports import free_port


def use(ledger, number=1, step=STEP):
    """A whole small session."""
    attempt = make_attempt(number, step=step)
    fence = ledger.take_step(attempt)
    session_id = ledger.open_session(make_start(attempt, fence))
    for _ in range(8):  # psycopg prepares a statement by itself when it sees it for the sixth time
        call = ledger.reserve(make_call(session_id, fence))
        ledger.settle(
            call,
            usage=Usage(40, 10),
            price=Price(Decimal("0.004")),
            status="ok",
            http_status=200,
            answered_model=None,
            latency_ms=1,
            first_byte_ms=None,
        )
        ledger.record(session_id, [Event(kind=EventKind.TEXT, payload={"text": "x"})])
    ledger.effect_intend(attempt, fence, str(session_id), "v", "comment", "t")
    ledger.effect_done(str(session_id), {})
    ledger.claim("issue:7", "me", 5)
    ledger.close_session(session_id, outcome="done", transcript=b"{}")
    return session_id


def test_a_used_connection_holds_no_state(ledger):
    use(ledger)
    with ledger._db.transaction() as connection:
        left = {
            name: connection.scalar(text(query))
            for name, query in {
                "prepared": "select count(*) from pg_prepared_statements",
                "listening": "select count(*) from pg_listening_channels()",
                "advisory": "select count(*) from pg_locks where locktype = 'advisory'",
                "cursors": "select count(*) from pg_cursors where is_holdable",
                "temporary": "select count(*) from pg_class where relpersistence = 't'",
            }.items()
        }
        assert left == dict.fromkeys(left, 0)
    with ledger._db._engine.connect() as connection:
        settings = connection.scalars(text("select name from pg_settings where source = 'session'"))
        assert set(settings) == set()


@pytest.fixture
def pooler_url(ledger_url):
    """The same ledger behind PgBouncer: transaction mode, two server connections."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("PgBouncer is not installed")
    url = make_url(ledger_url)
    port = free_port()
    with TemporaryDirectory(prefix="bridle-pooler-") as folder:
        users = Path(folder) / "users.txt"
        users.write_text(f'"{url.username}" "{url.password}"\n')
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{url.database} = host=127.0.0.1 port={url.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
            "default_pool_size = 2\nserver_reset_query = DISCARD ALL\nserver_reset_query_always = 1\n"
        )
        user = None
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("nobody").pw_uid
            for path in (Path(folder), users, settings):
                os.chown(path, user, -1)
        process = subprocess.Popen([program, "-q", str(settings)], user=user, cwd="/")
        try:
            pooled = url.set(port=port).render_as_string(hide_password=False)
            _wait_for(process, pooled)
            yield pooled
        finally:
            process.kill()
            process.wait()


def _wait_for(pooler, url):
    deadline = time.monotonic() + 60
    while True:
        try:
            with Ledger(url) as ledger:
                return ledger.check_schema()
        except LedgerUnavailable:
            assert pooler.poll() is None, "PgBouncer ended; what it said is above"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_many_ledgers_work_through_a_pooler_in_transaction_mode(pooler_url, tmp_path):
    from bridle.ledger.records import StepKey

    def one(number):
        with Ledger(pooler_url, spool=tmp_path / "spool") as mine:
            return use(mine, step=StepKey("d", "r", f"t{number}"))

    with ThreadPoolExecutor(5) as pool:
        sessions = list(pool.map(one, range(5)))
    with Ledger(pooler_url) as ledger:
        assert ledger.session_totals("all").usage == Usage(5 * 8 * 40, 5 * 8 * 10)
        assert ledger.budget("all").spent_tokens == 5 * 8 * 50
        assert [len(ledger.events(session_id)) for session_id in sessions] == [8] * 5
        assert not list((tmp_path / "spool").glob("*"))
