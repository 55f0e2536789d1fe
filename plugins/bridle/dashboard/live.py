"""Events of sessions as they happen: one reader of the ledger for each session, however many look on."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from bridle.errors import LedgerUnavailable
from bridle.ledger.records import EventRow

SECONDS = 0.4
"""Between two looks into the ledger."""
HEARTBEAT_SECONDS = 15.0
"""Proxies cut a connection on which nothing comes."""
BATCH = 1_000
"""Events of one look."""
WAITING = 10_000
"""Events that a viewer may lag behind before it is let go; it comes back and asks for them again."""


class Source(Protocol):
    """Where the events are; blocks."""

    def newest_event(self, session_id: UUID) -> int:
        """The number of the last event so far; 0: there is none."""

    def look(self, session_id: UUID, after: int, limit: int) -> tuple[Sequence[EventRow], bool]:
        """Events behind a number, and whether the session has ended, so that no others than these come."""


class Broadcast:
    """Reads one session for all who watch it, for as long as somebody does.

    Args:
        session_id: whose events.
        source: the ledger.
        waiting: events that a viewer may lag behind.
    """

    def __init__(self, session_id: UUID, source: Source, waiting: int = WAITING) -> None:
        self._session_id = session_id
        self._source = source
        self._waiting = waiting
        self._viewers: set[asyncio.Queue[EventRow | None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self.looks = 0
        """How often it has read the ledger for all of them."""

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    async def watch(self, after: int) -> AsyncGenerator[EventRow | None]:
        """Events behind `after` in order as they come, None as a sign of life.

        It ends with the session, when the ledger cannot be read any more, or when its viewer lags behind.
        """
        queue: asyncio.Queue[EventRow | None] = asyncio.Queue(self._waiting)
        self._viewers.add(queue)
        try:
            if self._reader is None or self._reader.done():
                self._begun.clear()
                self._reader = asyncio.create_task(self._read())
            # from here on everything new comes through the queue; then the past, each viewer its own:
            # what is in both is seen twice, and sorted out by its number
            await self._begun.wait()
            ended = False
            while not ended:
                rows, ended = await run_in_threadpool(self._source.look, self._session_id, after, BATCH)
                for row in rows:
                    after = row.seq
                    yield row
                if len(rows) < BATCH:
                    break
            while not ended:
                try:
                    found = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield None
                    continue
                if found is None:
                    return
                if found.seq > after:
                    after = found.seq
                    yield found
        except LedgerUnavailable:
            return
        finally:
            self._viewers.discard(queue)

    async def _read(self) -> None:
        try:
            last = await run_in_threadpool(self._source.newest_event, self._session_id)
            self._begun.set()
            await self._follow(last)
        except LedgerUnavailable:
            pass  # they come back, and ask again
        finally:
            self._begun.set()
            self._tell(None)

    async def _follow(self, last: int) -> None:
        while self._viewers:
            self.looks += 1
            rows, ended = await run_in_threadpool(self._source.look, self._session_id, last, BATCH)
            for row in rows:
                last = row.seq
                self._tell(row)
            if ended:
                return
            if len(rows) < BATCH:
                await asyncio.sleep(SECONDS)

    def _tell(self, row: EventRow | None) -> None:
        for queue in list(self._viewers):
            if not queue.full():
                queue.put_nowait(row)
                continue
            self._viewers.discard(queue)
            while not queue.empty():  # all of it: who comes back asks for what it has not seen
                queue.get_nowait()
            queue.put_nowait(None)


class Broadcasts:
    """One `Broadcast` for each session that is watched.

    Args:
        source: the ledger.
        waiting: events that a viewer may lag behind.
    """

    def __init__(self, source: Source, waiting: int = WAITING) -> None:
        self._source = source
        self._waiting = waiting
        self._of: dict[UUID, Broadcast] = {}

    @property
    def watched(self) -> Mapping[UUID, Broadcast]:
        """The sessions that are watched."""
        return self._of

    async def watch(self, session_id: UUID, after: int) -> AsyncGenerator[EventRow | None]:
        """As `Broadcast.watch`."""
        broadcast = self._of.setdefault(session_id, Broadcast(session_id, self._source, self._waiting))
        try:
            async with aclosing(broadcast.watch(after)) as events:
                async for row in events:
                    yield row
        finally:
            if not broadcast.viewers and self._of.get(session_id) is broadcast:
                del self._of[session_id]
