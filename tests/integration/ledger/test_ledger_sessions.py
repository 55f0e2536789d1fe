"""A session's life, and what a retry finds of it."""

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa
from ledger_rows import STEP, make_attempt, make_start

from bridle.agents.base import Event, EventKind
from bridle.errors import ConfigError, FenceLost
from bridle.guard.redact import MARK
from bridle.ledger.ids import new_id
from bridle.ledger.store import Ledger


def test_everything_about_a_session_comes_back(ledger, opened):
    attempt, fence, session_id = opened
    ledger.heartbeat(session_id)
    ledger.checkpoint(session_id, "b" * 40)
    ledger.close_session(
        session_id,
        outcome="done",
        reason="",
        summary="Fixed.",
        result={"files": ["a.py"]},
        session_ref="cli-1",
        turns=4,
        commit="c" * 40,
        reported={"cost": 0.1},
        transcript=b'{"role": "user"}\n',
    )
    row = ledger.session(session_id)
    assert session_id.version == 7
    assert (row.attempt, row.fence) == (attempt, fence)
    assert (row.outcome, row.summary, row.result) == ("done", "Fixed.", {"files": ["a.py"]})
    assert (row.checkpoint, row.commit, row.turns) == ("b" * 40, "c" * 40, 4)
    assert (row.session_ref, row.reported) == ("cli-1", {"cost": 0.1})
    assert ledger.get_artifact(row.prompt_ref) == b"Fix it."
    assert ledger.get_artifact(row.transcript_ref) == b'{"role": "user"}\n'


def test_closing_twice_the_same_way_is_no_error_and_another_way_is(ledger, opened):
    session_id = opened[2]
    ledger.close_session(session_id, outcome="done", summary="first")
    ledger.close_session(session_id, outcome="done", summary="second")
    with pytest.raises(FenceLost, match="closed as done"):
        ledger.close_session(session_id, outcome="failed")
    assert ledger.session(session_id).summary == "first"


def test_a_retry_sees_what_its_generation_did_and_the_newest_of_the_one_before(ledger):
    def one(number, generation, rounds):
        attempt = make_attempt(number, generation=generation)
        fence = ledger.take_step(attempt)
        ids = [ledger.open_session(make_start(attempt, fence, round=round_)) for round_ in rounds]
        for session_id in ids:
            ledger.close_session(session_id, outcome="done")
            ledger.record_check(
                attempt,
                session_id,
                round=1,
                name="tests",
                command="pytest",
                commit="a" * 40,
                exit_code=1,
                seconds=0.5,
                tail="x" * 9_000 + "the end",
                artifact=None,
                timed_out=False,
            )
        return ids

    old = one(1, 0, [1, 2])
    first, second = one(2, 1, [1]), one(3, 1, [2])
    state = ledger.step_state(STEP, 1)
    assert [row.id for row in state.sessions] == first + second
    assert [row.session_id for row in state.checks] == first + second
    assert state.checks[0].tail.endswith("the end")
    assert len(state.checks[0].tail) <= 8_000
    assert state.previous.id == old[-1]
    assert ledger.step_state(STEP, 0).previous is None
    assert ledger.step_state(STEP, 2).previous.id == second[-1]


@pytest.mark.parametrize("turn", [3, 1e300], ids=["as told", "absurd"])
def test_a_lost_session_has_the_turns_that_its_events_tell_of(ledger, opened, turn):
    """It had three, and could not say so any more; an agent writes its events, and may write anything."""
    attempt, _, session_id = opened
    payloads = ({"turn": 1}, {"turn": turn}, {"turn": "many"}, {})
    ledger.record(session_id, [Event(kind=EventKind.TEXT, payload=payload) for payload in payloads])
    ledger.take_step(replace(attempt, ti_id=str(new_id())))
    assert ledger.session(session_id).outcome == "lost"
    assert ledger.session(session_id).turns == min(turn, 1_000_000)


def test_a_session_without_heartbeat_is_lost_and_closed_as_such_once(ledger):
    attempt = make_attempt()
    fence = ledger.take_step(attempt)
    dead = ledger.open_session(make_start(attempt, fence), ttl_seconds=0.05)
    alive = ledger.open_session(make_start(attempt, fence), ttl_seconds=0.05)
    ledger.heartbeat(alive, ttl_seconds=60)
    time.sleep(0.1)
    assert [row.id for row in ledger.lost_sessions()] == [dead]
    assert ledger.close_lost(dead)
    assert not ledger.close_lost(dead)
    assert not ledger.close_lost(alive)
    assert ledger.lost_sessions() == []
    assert ledger.session(dead).outcome == "lost"
    with pytest.raises(FenceLost, match="no heartbeat"):
        ledger.heartbeat(dead)


def test_events_are_numbered_in_order_across_batches_and_ledgers(ledger, ledger_url, opened, tmp_path):
    session_id = opened[2]
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    ledger.record(session_id, [Event(kind=EventKind.STARTED, at=at, payload={"agent": "api"})])
    ledger.record(session_id, [Event(kind=EventKind.TEXT), Event(kind=EventKind.FINISHED)])
    with Ledger(ledger_url, spool=tmp_path) as other:
        other.record(session_id, [Event(kind=EventKind.ERROR, payload={"message": "late"})])
    rows = ledger.events(session_id)
    assert [(row.seq, row.kind) for row in rows] == [
        (1, "started"),
        (2, "text"),
        (3, "finished"),
        (4, "error"),
    ]
    assert rows[0].at == at
    assert [row.seq for row in ledger.events(session_id, after=2)] == [3, 4]


def test_no_known_secret_reaches_any_column(ledger, ledger_url, opened):
    """The write door is the only door: what a dump of the whole database shows."""
    import sqlalchemy as sa

    from bridle.ledger.schema import metadata

    attempt, fence, session_id = opened
    secret = "tok-9f8e7d6c5b"
    ledger.redactor.add(secret)
    ledger.record(session_id, [Event(kind=EventKind.TOOL_RESULT, payload={"text": secret, secret: [secret]})])
    ledger.decide(
        attempt,
        what=secret,
        options=[secret],
        choice=secret,
        why=secret,
        confidence=0.5,
        by=f"human:{secret}",
    )
    review = ledger.open_review(
        attempt, subject=secret, commit="a" * 40, patch_hash="h", snapshot={"body": secret}
    )
    ledger.answer_review(review, decision="reject", by=secret, feedback=secret)
    ledger.effect_intend(attempt, fence, "k", "v", "comment", f"https://x:{secret}@host/")
    ledger.effect_done("k", {"url": secret})
    ledger.record_check(
        attempt,
        session_id,
        round=1,
        name=secret,
        command=f"curl -H {secret}",
        commit=None,
        exit_code=None,
        seconds=1,
        tail=secret,
        artifact=ledger.put_artifact(f"log with {secret}", name=secret),
        timed_out=True,
    )
    ledger.request_stop("day:2026-01-01", secret)
    ledger.close_session(
        session_id,
        outcome="failed",
        reason=secret,
        summary=secret,
        result={"x": secret},
        session_ref=secret,
        reported={"y": secret},
        transcript=secret.encode(),
    )
    with sa.create_engine(ledger_url).connect() as connection:
        dump = [str(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))]
    artifacts = [ledger.get_artifact(ref) for ref in (ledger.session(session_id).transcript_ref,)]
    assert MARK in "".join(dump)
    assert secret not in "".join(dump)
    assert artifacts == [MARK.encode()]


def test_a_session_that_is_not_there_is_named(ledger):
    with pytest.raises(ConfigError, match="not in this ledger"):
        ledger.session(uuid4())
    with pytest.raises(ConfigError, match="not in this ledger"):
        ledger.record(uuid4(), [Event(kind=EventKind.TEXT)])


def test_a_transcript_is_kept_while_the_session_works_and_replaced_at_its_end(ledger, opened):
    session_id = opened[2]
    ledger.save_transcript(session_id, b"one\n", session_ref="cli-1")
    ledger.save_transcript(session_id, b"one\ntwo\n")
    row = ledger.session(session_id)
    assert (row.session_ref, ledger.get_artifact(row.transcript_ref)) == ("cli-1", b"one\ntwo\n")
    ledger.take_step(make_attempt(2))
    with pytest.raises(FenceLost):
        ledger.save_transcript(session_id, b"zombie")
    assert ledger.get_artifact(ledger.session(session_id).transcript_ref) == b"one\ntwo\n"


def test_saving_a_growing_transcript_again_and_again_keeps_one(ledger, opened, ledger_url):
    session_id = opened[2]
    for size in range(1, 20):
        ledger.save_transcript(session_id, random.Random(size).randbytes(size * 1000))
    ledger.close_session(session_id, outcome="done", transcript=b"all of it")
    with sa.create_engine(ledger_url, poolclass=sa.pool.NullPool).connect() as connection:
        kept = connection.scalars(sa.text("select data from bridle.transcript")).all()
        artifacts = connection.scalars(sa.text("select name from bridle.artifact")).all()
    assert (len(kept), artifacts) == (1, ["prompt"])
    assert ledger.get_artifact(ledger.session(session_id).transcript_ref) == b"all of it"
