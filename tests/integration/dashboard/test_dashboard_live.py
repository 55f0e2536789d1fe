"""A session's events on many screens, over HTTP, as they happen."""

import asyncio
import json
import time
from datetime import UTC, datetime

import httpx
import pytest

from bridle.agents.base import Event, EventKind
from bridle.dashboard.live import SECONDS
from patience import PATIENCE

VIEWERS = 50
EVENTS = 16
SETTLED = 3.0
"""Seconds after which Postgres has counted what was read."""


@pytest.fixture
def live(books):
    """A session at work."""
    session = books.open(f"live-{time.time_ns()}", "implement")
    yield session
    books.ledger.close_session(session.id, outcome="done")


def write(books, session, count):
    """Events that say when they were written."""
    for _ in range(count):
        books.ledger.record(session.id, [Event(kind=EventKind.TEXT, payload={"at": time.time()})])


class Viewer:
    """One `EventSource`."""

    def __init__(self, client, session_id):
        self._client = client
        self._session_id = session_id
        self.seen: list[int] = []
        self.late: list[float] = []
        self.over = False

    async def look(self, *, most=10**9, **asked):
        """Until so many events have come, or the session's end; `asked` are parameters and headers."""
        url, params = "/bridle/api/session/stream", {"id": str(self._session_id), **asked.get("params", {})}
        async with self._client.stream("GET", url, params=params, headers=asked.get("headers")) as answer:
            answer.raise_for_status()
            assert answer.headers["content-type"].startswith("text/event-stream")
            came = 0
            async for line in answer.aiter_lines():
                if line == "event: end":
                    self.over = True
                    return
                if line.startswith("data: "):
                    event = json.loads(line.removeprefix("data: "))
                    self.seen.append(event["seq"])
                    self.late.append(time.time() - event["payload"]["at"])
                    came += 1
                    if came >= most:
                        return


@pytest.fixture
def browser(airflow, admin):
    """Many connections with the user's login."""

    def client():
        return httpx.AsyncClient(
            base_url=airflow.url,
            headers={"Authorization": admin.headers["Authorization"]},
            timeout=PATIENCE,
            trust_env=False,
            limits=httpx.Limits(max_connections=None),
        )

    return client


def reads_of_events(books):
    """How often somebody has looked into the table of events."""
    # a small table may be read without its index
    (row,) = books.sql(
        "select sum(seq_scan) + sum(idx_scan) as looks from pg_stat_user_tables where relname like 'event_%'"
    )
    return row["looks"]


def test_fifty_viewers_of_a_session_see_each_event_within_a_second_and_share_one_reader(
    books, browser, admin, live
):
    began = time.monotonic()
    assert admin.get("/bridle/api/me").is_success
    busy = time.monotonic() - began  # what a small answer takes on this machine, just now

    async def main():
        async with browser() as client:
            viewers = [Viewer(client, live.id) for _ in range(VIEWERS)]
            tasks = [asyncio.create_task(viewer.look()) for viewer in viewers]
            await asyncio.to_thread(write, books, live, 1)
            while any(not viewer.seen for viewer in viewers):
                await asyncio.sleep(0.05)
            for number in range(2, EVENTS + 1):
                await asyncio.to_thread(write, books, live, 1)
                while any(len(viewer.seen) < number for viewer in viewers):
                    await asyncio.sleep(0.02)
            windows = []
            while not any(0 < looks < 3 * alone for looks, alone in windows) and len(windows) < 10:
                await asyncio.sleep(SETTLED)  # writing looks into the index too, and Postgres counts late
                before, since = await asyncio.to_thread(reads_of_events, books), time.monotonic()
                await asyncio.sleep(SETTLED)
                looks = await asyncio.to_thread(reads_of_events, books) - before
                windows.append((looks, (time.monotonic() - since) / SECONDS))
            await asyncio.to_thread(books.ledger.close_session, live.id, outcome="done")
            await asyncio.gather(*tasks)
        return viewers, windows

    viewers, windows = asyncio.run(main())
    assert [viewer.seen for viewer in viewers] == [list(range(1, EVENTS + 1))] * VIEWERS
    assert all(viewer.over for viewer in viewers)
    # of events that are written when the one before was seen by all; a busy machine holds up some of them
    late = [max(moments) for moments in zip(*(viewer.late[1:] for viewer in viewers), strict=True)]
    assert min(late) < 1 + 5 * busy
    looks, alone = windows[-1]
    assert 0 < looks < 3 * alone < VIEWERS * alone, windows


def test_a_viewer_that_comes_back_gets_what_it_has_not_seen_and_nothing_twice(books, browser, live):
    async def main():
        async with browser() as client:
            by_id, by_number = Viewer(client, live.id), Viewer(client, live.id)
            writer = asyncio.create_task(asyncio.to_thread(write, books, live, 60))
            for turn in range(12):
                last = str(by_id.seen[-1]) if by_id.seen else ""
                await by_id.look(most=1 + turn % 7, headers={"Last-Event-ID": last})
                await by_number.look(most=5, params={"after": by_number.seen[-1] if by_number.seen else 0})
            await writer
            await asyncio.to_thread(books.ledger.close_session, live.id, outcome="done")
            await by_id.look(headers={"Last-Event-ID": str(by_id.seen[-1])})
            await by_number.look(params={"after": by_number.seen[-1]})
            return by_id, by_number

    for viewer in asyncio.run(main()):
        assert viewer.seen == list(range(1, 61))
        assert viewer.over


def test_when_the_last_viewer_has_gone_nobody_reads_any_more(books, browser, live):
    async def main():
        async with browser() as client:
            tasks = [asyncio.create_task(Viewer(client, live.id).look()) for _ in range(5)]
            await asyncio.sleep(3 * SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = reads_of_events(books)
        time.sleep(4 * SECONDS + 1.5)
        if reads_of_events(books) == before:
            return
    pytest.fail("somebody still reads events that nobody looks at")


def test_what_no_browser_sends_as_the_last_event_is_no_error(admin, books):
    (row,) = books.sql("select id from bridle.session where run_id = 'fixed' and outcome = 'lost'")
    url = "/bridle/api/session/stream"
    for last in ("", "no number", "²".encode("latin-1"), "9" * 5_000, "-1"):
        answer = admin.get(url, params={"id": str(row["id"])}, headers={"Last-Event-ID": last})
        assert answer.status_code == 200
        assert answer.text.endswith("}\n\n")
        assert "event: end" in answer.text


def test_times_are_told_in_utc(admin, books):
    (row,) = books.sql("select id from bridle.session where run_id = 'fixed' and outcome = 'lost'")
    events = admin.get("/bridle/api/session/events", params={"id": str(row["id"])}).json()["events"]
    moments = [datetime.fromisoformat(event["at"]) for event in events]
    assert {moment.tzinfo for moment in moments} == {UTC}
    assert all(event["at"].endswith("Z") for event in events)
