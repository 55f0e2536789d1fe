"""Many look on, one reads; who comes late, lags or leaves takes nothing from the others."""

import asyncio
import threading
import time
from contextlib import aclosing, contextmanager

import pytest

from bridle.agents.base import Event, EventKind
from bridle.dashboard.live import SECONDS, Broadcasts
from bridle.ledger.ids import new_id
from bridle.ledger.reading import Reading
from bridle.ledger.records import Attempt, StepKey
from bridle.testing.ledger import session_start
from patience import PATIENCE


@pytest.fixture
def session_id(ledger):
    attempt = Attempt(StepKey("d", "r", "t"), str(new_id()), 1, 0)
    return ledger.open_session(session_start(attempt, ledger.take_step(attempt)))


@pytest.fixture
def source(task_url):
    with Reading(task_url, connections=4) as reading:
        yield reading


def write(ledger, session_id, count):
    ledger.record(session_id, [Event(kind=EventKind.TEXT, payload={"text": "x"})] * count)


@contextmanager
def writing(ledger, session_id, *, events, pause=0.01):
    """Events one after the other from another thread, and then, once it is let, the session's end."""
    may_end = threading.Event()

    def work():
        for _ in range(events):
            write(ledger, session_id, 1)
            time.sleep(pause)
        may_end.wait(PATIENCE)
        ledger.close_session(session_id, outcome="done")

    thread = threading.Thread(target=work)
    thread.start()
    yield may_end
    thread.join()


async def seen(broadcasts, session_id, after=0):
    async with aclosing(broadcasts.watch(session_id, after)) as rows:
        return [row.seq async for row in rows if row is not None]


async def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert condition()


def test_fifty_viewers_see_every_event_once_and_share_one_reader(ledger, session_id, source):
    write(ledger, session_id, 1_200)  # more than one look takes
    broadcasts = Broadcasts(source)

    async def main():
        began = time.monotonic()
        tasks = [asyncio.create_task(seen(broadcasts, session_id, after)) for after in range(50)]
        await until(lambda: len(broadcasts.watched) == 1)
        broadcast = broadcasts.watched[session_id]
        may_end.set()
        found = await asyncio.gather(*tasks)
        return found, broadcast.looks, time.monotonic() - began

    with writing(ledger, session_id, events=40) as may_end:
        found, looks, seconds = asyncio.run(main())
    assert found == [list(range(after + 1, 1_241)) for after in range(50)]
    assert looks <= seconds / SECONDS + 2
    assert not broadcasts.watched


def test_an_event_is_seen_by_the_look_that_follows_it(ledger, session_id, source):
    """Which is soon: looks are less than half a second apart."""
    broadcasts = Broadcasts(source)

    async def main():
        looks = []
        async with aclosing(broadcasts.watch(session_id, 0)) as rows:
            coming = asyncio.create_task(anext(rows))
            await until(lambda: broadcasts.watched and broadcasts.watched[session_id].looks > 0)
            for _ in range(5):
                before = broadcasts.watched[session_id].looks
                await asyncio.to_thread(write, ledger, session_id, 1)
                written = broadcasts.watched[session_id].looks
                await coming
                looks.append((before, written, broadcasts.watched[session_id].looks))
                coming = asyncio.create_task(anext(rows))
            coming.cancel()
            await asyncio.wait([coming])
        return looks

    for before, written, seen_at in asyncio.run(main()):
        # one look may have been under way when it was written
        assert before <= seen_at <= written + 2
    assert SECONDS < 0.5


@pytest.mark.parametrize("how", ["closed", "cancelled", "dropped"])
def test_viewers_that_leave_leave_nothing_behind(ledger, session_id, source, how):
    write(ledger, session_id, 3)
    broadcasts = Broadcasts(source)

    async def look_on():
        rows = broadcasts.watch(session_id, 0)
        async for row in rows:
            if row is not None and row.seq == 3:
                break
        if how == "closed":
            await rows.aclose()
        elif how == "cancelled":
            await anext(rows)

    async def main():
        tasks = [asyncio.create_task(look_on()) for _ in range(5)]
        if how == "cancelled":
            await until(lambda: broadcasts.watched and broadcasts.watched[session_id].viewers == 5)
            await asyncio.sleep(2 * SECONDS)
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: not broadcasts.watched)
        await until(lambda: len(asyncio.all_tasks()) == 1)

    asyncio.run(main())


def test_a_viewer_that_asks_for_what_does_not_exist_yet_does_not_blind_the_others(ledger, session_id, source):
    broadcasts = Broadcasts(source)

    async def main():
        ahead = asyncio.create_task(seen(broadcasts, session_id, 10**8))
        await until(lambda: broadcasts.watched and broadcasts.watched[session_id].looks > 0)
        may_end.set()
        return await seen(broadcasts, session_id), await ahead

    with writing(ledger, session_id, events=20) as may_end:
        assert asyncio.run(main()) == (list(range(1, 21)), [])


def test_a_viewer_that_lags_is_let_go_without_a_gap_and_gets_the_rest_when_it_comes_back(
    ledger, session_id, source
):
    broadcasts = Broadcasts(source, waiting=5)

    async def main():
        rows = broadcasts.watch(session_id, 0)
        first = asyncio.create_task(anext(rows))
        await until(lambda: broadcasts.watched and broadcasts.watched[session_id].looks > 0)
        await asyncio.to_thread(write, ledger, session_id, 1)
        got = [(await first).seq]
        await asyncio.to_thread(write, ledger, session_id, 40)
        await until(lambda: not broadcasts.watched[session_id].viewers)
        got += [row.seq async for row in rows if row is not None]
        before = got[-1]
        await asyncio.to_thread(ledger.close_session, session_id, outcome="done")
        return got, await seen(broadcasts, session_id, before)

    got, rest = asyncio.run(main())
    assert got + rest == list(range(1, 42))
    assert len(rest) > 0


def test_an_ended_session_is_told_to_its_end_and_then_over(ledger, session_id, source):
    write(ledger, session_id, 7)
    ledger.close_session(session_id, outcome="done")
    assert asyncio.run(seen(Broadcasts(source), session_id, 2)) == [3, 4, 5, 6, 7]
