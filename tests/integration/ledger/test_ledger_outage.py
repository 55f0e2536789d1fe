"""Postgres away: nothing is lost, nothing is doubled, and the message says what to do."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from ledger_rows import make_attempt, make_call, make_start

from bridle.agents.base import Event, EventKind
from bridle.errors import ConfigError, LedgerUnavailable
from bridle.ledger import events as events_module
from bridle.ledger import migrate
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from patience import PATIENCE, until


def text(number):
    return Event(kind=EventKind.TEXT, payload={"text": f"event {number}"})


@pytest.fixture
def server():
    """A server of this test's own, to be stopped and started."""
    with TemporaryDirectory(prefix="bridle-postgres-") as folder, Postgres(Path(folder), fast=True) as server:
        yield server


def test_events_survive_a_stopped_server_once_each_and_in_order(server, tmp_path):
    url = server.url("ledger")
    migrate.upgrade(url, create_database=True)
    spool = tmp_path / "spool"
    with Ledger(url, spool=spool) as ledger:
        attempt = make_attempt()
        fence = ledger.take_step(attempt)
        session_id = ledger.open_session(make_start(attempt, fence))
        ledger.record(session_id, [text(1)])
        server.stop()
        ledger.redactor.add("known-secret")
        ledger.record(session_id, [text(2), Event(kind=EventKind.TEXT, payload={"text": "known-secret"})])
        ledger.record(session_id, [text(4)])
        kept = next(spool.glob("*.jsonl")).read_text()
        assert kept.count("event ") == 2
        assert "known-secret" not in kept
        with pytest.raises(LedgerUnavailable):
            ledger.reserve(make_call(session_id, fence))
        with pytest.raises(LedgerUnavailable):
            ledger.verify(fence)
        server.start()
        time.sleep(events_module._AWAY_SECONDS)
        ledger.record(session_id, [text(5)])
        numbers = [(row.seq, row.payload["text"]) for row in ledger.events(session_id)]
        assert numbers == [
            (1, "event 1"),
            (2, "event 2"),
            (3, "[redacted]"),
            (4, "event 4"),
            (5, "event 5"),
        ]
        assert not list(spool.glob("*.jsonl"))
        ledger.reserve(make_call(session_id, fence))


def test_a_dead_process_leaves_events_that_another_replays_and_twice_changes_nothing(
    ledger, ledger_url, opened, tmp_path
):
    session_id = opened[2]
    spool = tmp_path / "spool"
    ledger.record(session_id, [text(1)])
    rows = [
        {"seq": seq, "at": "2026-01-01T00:00:00+00:00", "kind": "text", "payload": {"text": str(seq)}}
        for seq in (1, 2, 3)
    ]
    for _ in range(2):
        ledger._spool.keep(session_id, rows)
        with Ledger(ledger_url, spool=spool) as sweeper:
            assert sweeper.replay() == 1
    assert [row.seq for row in ledger.events(session_id)] == [1, 2, 3]
    assert ledger.events(session_id)[0].payload == {"text": "event 1"}, "history is not rewritten"


def test_closing_a_session_brings_its_kept_events_along(ledger, opened):
    session_id = opened[2]
    ledger._away_until = time.monotonic() + 60
    ledger.record(session_id, [text(1)])
    assert ledger.events(session_id) == []
    ledger.close_session(session_id, outcome="done")
    assert [row.seq for row in ledger.events(session_id)] == [1]


def test_a_ledger_that_cannot_be_reached_is_named_with_the_remedy_and_without_the_password():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        ledger = Ledger(f"postgresql://me:hunter2pass@127.0.0.1:{port}/books")
        with ledger, pytest.raises(LedgerUnavailable) as caught:
            ledger.check_schema()
    message = str(caught.value)
    assert f"127.0.0.1:{port}/books" in message
    assert "bridle up" in message
    assert "hunter2pass" not in message


def test_a_wrong_password_is_told_without_it(ledger_url):
    wrong = ledger_url.replace("bridle:", "bridle:wrong-", 1)
    with Ledger(wrong) as ledger, pytest.raises(LedgerUnavailable, match="authentication failed") as caught:
        ledger.check_schema()
    assert "wrong-" not in str(caught.value)


def test_a_url_of_something_else_is_refused_without_repeating_it():
    with pytest.raises(ConfigError, match="PostgreSQL 15"):
        Ledger("sqlite:///x.db")
    with pytest.raises(ConfigError) as caught:
        Ledger("hunter2 nonsense")
    assert "hunter2" not in str(caught.value)


def connections(url):
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    with create_engine(url, poolclass=NullPool).connect() as connection:
        return connection.scalar(
            text(
                "select count(*) from pg_stat_activity "
                "where datname = current_database() and application_name = 'bridle'"
            )
        )


def test_threads_share_one_connection_which_closes_when_idle(ledger_url, tmp_path):
    with Ledger(ledger_url, spool=tmp_path, idle_seconds=0.5) as ledger:
        assert connections(ledger_url) == 0
        ledger.check_schema()
        seen, stop = [], threading.Event()

        def busy():
            while not stop.is_set():
                ledger.effect("nothing")

        threads = [threading.Thread(target=busy) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(8):
            seen.append(connections(ledger_url))
            time.sleep(0.15)
        stop.set()
        for thread in threads:
            thread.join()
        assert max(seen) == 1
        until("it is closed", lambda: connections(ledger_url) == 0)
        ledger.check_schema()


def test_a_fork_opens_its_own_connection_and_leaves_the_parents_alone(ledger):
    ledger.check_schema()
    child = os.fork()
    if child == 0:
        try:
            ledger.check_schema()
            ledger.close()
            os._exit(0)
        except BaseException:  # noqa: BLE001 (a forked child must not run pytest's own end)
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    ledger.check_schema()


def list_loops(url):
    """A user's command, at its own process."""
    environment = {**os.environ, "BRIDLE_LEDGER_URL": url}
    command = [str(Path(sys.executable).with_name("bridle")), "loop", "list"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_patient_ledger_sits_a_restart_out_and_events_do_not_wait_for_it(server, tmp_path):
    """Nor does a command that a person gives meanwhile fail; it says what it waits for."""
    url = server.url("ledger")
    migrate.upgrade(url, create_database=True)
    with Ledger(url, spool=tmp_path, patience_seconds=PATIENCE) as ledger:
        attempt = make_attempt()
        session_id = ledger.open_session(make_start(attempt, ledger.take_step(attempt)))
        server.stop()
        start = time.monotonic()
        ledger.record(session_id, [text(1)])
        assert time.monotonic() - start < PATIENCE / 2
        ended = threading.Thread(target=lambda: ledger.close_session(session_id, outcome="done"))
        ended.start()
        with list_loops(url) as command:
            assert "is away: waiting for up to 15 s" in command.stderr.readline()
            server.start()
            assert (command.wait(PATIENCE), command.stderr.read()) == (
                0,
                'no loop yet: `bridle goal "…" --repo …` starts one\n',
            )
        ended.join(PATIENCE)
        assert ledger.session(session_id).outcome == "done"
        assert [row.seq for row in ledger.events(session_id)] == [1]


def test_patience_is_not_spent_on_a_wrong_password(ledger_url):
    start = time.monotonic()
    with (
        Ledger(ledger_url.replace("bridle:", "bridle:wrong-", 1), patience_seconds=PATIENCE) as ledger,
        pytest.raises(LedgerUnavailable),
    ):
        ledger.check_schema()
    assert time.monotonic() - start < PATIENCE / 2


def test_a_ledger_whose_disk_is_full_says_so_and_not_that_it_is_away(ledger, ledger_url, opened, tmp_path):
    """The server answers as it does when a table cannot grow; events wait on this host's disk meanwhile."""
    session_id = opened[2]
    ledger.record(session_id, [text(1)])
    full = "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'"
    with psycopg.connect(ledger_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(
            f"CREATE FUNCTION bridle.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {full}; END $$"
        )
        for table in ("event", "failure"):
            owner.execute(
                f"CREATE TRIGGER full_disk BEFORE INSERT ON bridle.{table} "
                "FOR EACH ROW EXECUTE FUNCTION bridle.full()"
            )
        ledger.record(session_id, [text(2)])
        with pytest.raises(
            LedgerUnavailable, match=r"has no room for more: could not extend.*Make room on its"
        ):
            ledger.record_failure(make_attempt(), ConfigError("x"))
        for table in ("event", "failure"):
            owner.execute(f"DROP TRIGGER full_disk ON bridle.{table}")
    assert len(list((tmp_path / "spool").glob("*.jsonl"))) == 1
    ledger.replay()
    assert [row.payload["text"] for row in ledger.events(session_id)] == ["event 1", "event 2"]
