"""Events of sessions as they happen: one reader of the ledger for each session, however many look on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from bridle.errors import LedgerUnavailable
from bridle.ledger.records import EventRow

SECONDS = 0.4
"""Between two looks into the ledger."""
HEARTBEAT_SECONDS = 15.0
"""Proxies cut a connection on which nothing comes."""
_WAITING = 10_000
"""Events that a viewer may lag behind before it is let go; it comes back and asks for them again."""

Look = Callable[[UUID, int], tuple[Sequence[EventRow], bool]]
"""Events behind a number, and whether the session has ended; blocks."""


class Broadcast:
    """Reads one session for all who watch it, for as long as somebody does.

    Args:
        session_id: whose events.
        look: reads the ledger.
    """

    def __init__(self, session_id: UUID, look: Look) -> None:
        self._session_id = session_id
        self._look = look
        self._viewers: set[asyncio.Queue[EventRow | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._last = 0
        self.looks = 0
        """How often it has read the ledger."""

    @property
    def watched(self) -> bool:
        """Whether anybody looks on."""
        return bool(self._viewers)

    async def watch(self, after: int) -> AsyncIterator[EventRow | None]:
        """Events behind `after` in order as they come, None as a sign of life.

        It ends with the session, when the ledger cannot be read any more, or when its viewer lags behind.
        """
        queue: asyncio.Queue[EventRow | None] = asyncio.Queue(_WAITING)
        # first among the viewers, then the past: what comes in between is seen twice, and sorted out below
        self._viewers.add(queue)
        if self._task is None or self._task.done():
            self._last = max(self._last, after)
            self._task = asyncio.create_task(self._read())
        try:
            while True:
                rows, closed = await run_in_threadpool(self._look, self._session_id, after)
                for row in rows:
                    after = row.seq
                    yield row
                if closed and not rows:
                    return
                if not rows:
                    break
            while True:
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
        finally:
            self._viewers.discard(queue)

    async def _read(self) -> None:
        try:
            await self._follow()
        finally:
            self._tell(None)

    async def _follow(self) -> None:
        while self._viewers:
            self.looks += 1
            try:
                rows, closed = await run_in_threadpool(self._look, self._session_id, self._last)
            except LedgerUnavailable:
                rows, closed = (), False
            for row in rows:
                self._last = row.seq
                self._tell(row)
            if closed and not rows:
                return
            if not rows:
                await asyncio.sleep(SECONDS)

    def _tell(self, row: EventRow | None) -> None:
        for queue in list(self._viewers):
            try:
                queue.put_nowait(row)
            except asyncio.QueueFull:
                self._viewers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)


class Broadcasts:
    """One `Broadcast` for each session that is watched."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._of: dict[UUID, Broadcast] = {}

    async def watch(self, session_id: UUID, after: int) -> AsyncIterator[EventRow | None]:
        """As `Broadcast.watch`."""
        broadcast = self._of.setdefault(session_id, Broadcast(session_id, self._look))
        try:
            async for row in broadcast.watch(after):
                yield row
        finally:
            if not broadcast.watched:
                self._of.pop(session_id, None)
