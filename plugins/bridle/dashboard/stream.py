"""`GET /bridle/api/session/stream`: a session's events as they happen."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from bridle.dashboard.books import queries
from bridle.dashboard.live import Broadcasts
from bridle.dashboard.rights import OfSession
from bridle.dashboard.session import event_of
from bridle.errors import LedgerUnavailable

router = APIRouter()

LONGEST_SECONDS = 600.0
"""Then the browser comes back by itself, and its rights are asked for again."""
_LONGEST_NUMBER = 9
"""Digits of an event's number."""


@router.get("/session/stream")
async def stream(
    id: Annotated[UUID, Depends(OfSession("GET"))],
    after: int = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The events behind number `after` as server-sent events, for as long as the session goes on."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    sent = _sent(id, _number(last_event_id, after))
    return StreamingResponse(sent, media_type="text/event-stream", headers=headers)


@cache
def broadcasts() -> Broadcasts:
    """Of this API server."""
    return Broadcasts(queries())


async def _sent(session_id: UUID, after: int) -> AsyncIterator[str]:
    clock = asyncio.get_running_loop().time
    until = clock() + LONGEST_SECONDS
    yield "retry: 1000\n\n"
    async with aclosing(broadcasts().watch(session_id, after)) as rows:
        async for row in rows:
            if row is None:
                yield ": still here\n\n"
            else:
                after = row.seq
                yield f"id: {after}\ndata: {event_of(row).model_dump_json()}\n\n"
            if clock() > until:
                return
    if await run_in_threadpool(_has_ended, session_id, after):  # else the browser comes back by itself
        yield f"event: end\ndata: {json.dumps({'id': str(session_id)})}\n\n"


def _has_ended(session_id: UUID, after: int) -> bool:
    try:
        rows, ended = queries().look(session_id, after, 1)
    except LedgerUnavailable:
        return False
    return ended and not rows


def _number(last_event_id: str | None, after: int) -> int:
    """Where to begin: a browser that comes back says what it saw last."""
    text = last_event_id or ""
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else after
