"""Who may write: the newest attempt of a step, and the holder of a lease."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from ledger_rows import STEP, make_attempt, make_start

from bridle.agents.base import Event, EventKind
from bridle.errors import FenceLost
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger


def test_the_newest_attempt_wins_and_the_older_one_may_write_no_more(ledger, opened):
    old, old_fence, old_session = opened
    new = make_attempt(2)
    new_fence = ledger.take_step(new)
    assert new_fence.token == old_fence.token + 1
    ledger.verify(new_fence)
    for write in (
        lambda: ledger.verify(old_fence),
        lambda: ledger.heartbeat(old_session),
        lambda: ledger.checkpoint(old_session, "b" * 40),
        lambda: ledger.close_session(old_session, outcome="done"),
        lambda: ledger.open_session(make_start(old, old_fence)),
        lambda: ledger.effect_intend(old, old_fence, "k", "v", "comment", "here"),
        lambda: ledger.record(old_session, [Event(kind=EventKind.TEXT, payload={"text": "zombie"})]),
    ):
        with pytest.raises(FenceLost):
            write()
    assert ledger.session(old_session).outcome == "lost"
    assert "superseded by try 2" in ledger.session(old_session).reason
    assert [event.payload["text"] for event in ledger.events(old_session)] == ["zombie"], (
        "history all the same"
    )


def test_an_older_attempt_that_comes_late_does_not_take_the_step_back(ledger):
    old, new = make_attempt(1), make_attempt(2)
    fence = ledger.take_step(new)
    with pytest.raises(FenceLost, match="after a newer one"):
        ledger.take_step(old)
    ledger.verify(fence)


def test_a_deleted_and_repeated_run_may_take_its_steps_though_its_tries_count_from_one(ledger):
    ledger.take_step(make_attempt(5, generation=4))
    ledger.take_step(make_attempt(1, generation=0))


def test_ids_that_are_no_uuid_are_ordered_by_generation_and_try(ledger):
    ledger.take_step(Attempt(STEP, "b", 1, 0))
    ledger.take_step(Attempt(STEP, "a", 2, 0))
    ledger.take_step(Attempt(STEP, "c", 3, 1))
    with pytest.raises(FenceLost):
        ledger.take_step(Attempt(STEP, "z", 12, 0))


def test_the_same_attempt_may_take_its_step_again_which_ends_its_earlier_hold(ledger):
    attempt = make_attempt()
    first, second = ledger.take_step(attempt), ledger.take_step(attempt)
    ledger.verify(second)
    with pytest.raises(FenceLost):
        ledger.verify(first)


def test_steps_do_not_disturb_each_other(ledger):
    fences = [ledger.take_step(make_attempt(step=StepKey("d", "r", "t", index))) for index in (-1, 0, 1)]
    for fence in fences:
        ledger.verify(fence)


def test_of_many_that_take_a_step_at_once_the_newest_holds_it(ledger, ledger_url):
    attempts = [make_attempt(number) for number in range(1, 13)]

    def take(attempt):
        with Ledger(ledger_url) as mine:
            try:
                return mine.take_step(attempt)
            except FenceLost:
                return None

    with ThreadPoolExecutor(6) as pool:
        fences = [fence for fence in pool.map(take, attempts) if fence]
    assert len({fence.token for fence in fences}) == len(fences)
    winner = max(fences, key=lambda fence: fence.token)
    assert winner.holder == attempts[-1].ti_id
    ledger.verify(winner)


def test_only_one_holds_a_lease(ledger):
    fence = ledger.claim("issue:7", "a", 30)
    assert ledger.claim("issue:7", "b", 30) is None
    ledger.verify(fence)
    ledger.release(fence)
    with pytest.raises(FenceLost, match="run out"):
        ledger.verify(fence)
    assert ledger.claim("issue:7", "b", 30).token == fence.token + 1


def test_a_lease_that_ran_out_is_anybodys_and_its_old_fence_worthless(ledger):
    old = ledger.claim("issue:7", "a", 0.05)
    time.sleep(0.1)
    new = ledger.claim("issue:7", "b", 30)
    assert new.token == old.token + 1
    with pytest.raises(FenceLost):
        ledger.verify(old)
    ledger.release(old)
    ledger.verify(new)


def test_its_holder_prolongs_a_lease_and_keeps_its_fence(ledger, ledger_url):
    first = ledger.claim("issue:7", "a", 300)
    assert ledger.claim("issue:7", "a", 3_000) == first
    ledger.verify(first)
    with psycopg.connect(ledger_url.replace("+psycopg", "")) as connection:
        (left,) = connection.execute(
            "select extract(epoch from expires_at - clock_timestamp()) from bridle.claim where key = %s",
            ["issue:7"],
        ).fetchone()
    assert left > 300
