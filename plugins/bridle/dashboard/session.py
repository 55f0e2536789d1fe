"""`GET /bridle/api/session`, its events, their stream, and ending it."""

import json
from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from bridle.dashboard import spans
from bridle.dashboard.books import ledger, queries
from bridle.dashboard.diff import of_session
from bridle.dashboard.graders import grade
from bridle.dashboard.live import Broadcasts
from bridle.dashboard.rights import OfRun, OfSession, User, may
from bridle.dashboard.shapes.base import Totals
from bridle.dashboard.shapes.run import SessionName
from bridle.dashboard.shapes.session import Call, Check, Event, Events, SessionView
from bridle.errors import ConfigError
from bridle.ledger.queries import NOTHING, CallRow
from bridle.ledger.records import CheckRow, EventRow, SessionRow, StepKey

router = APIRouter()

MOST_EVENTS = 20_000
"""Of one session, for its graders."""

Mine = Annotated[UUID, Depends(OfSession("GET"))]


@router.get("/session")
def session(user: User, id: Mine) -> SessionView:
    """Everything about one session but its events."""
    row = ledger().session(id)
    step = row.attempt.step
    siblings = _of_step(step)
    bars = spans.of_sessions(siblings)
    bar = next(each for each in bars if each.id == str(id))
    calls, diff = queries().calls(id), of_session(row)
    checks = [each for each in queries().checks(step.dag_id, step.run_id) if _is_of(each, row)]
    return SessionView(
        id=str(id),
        dag_id=step.dag_id,
        run_id=step.run_id,
        loop_id=row.attempt.loop_id,
        loop_round=row.attempt.loop_round,
        span=bar,
        role=row.role,
        dialect=row.dialect,
        turns=row.turns,
        limits=row.limits,
        result=row.result,
        summary=row.summary,
        prompt=_prompt(row),
        prompt_digest=row.prompt_digest,
        totals=bar.totals or Totals.of(NOTHING),
        calls=[_call(each, row) for each in calls],
        checks=[_check(each) for each in checks],
        files=diff.files,
        diff_truncated=diff.truncated,
        graders=grade(queries().events(id, limit=MOST_EVENTS), calls),
        siblings=bars,
        may_stop=row.closed_at is None and may(user, "PUT", step.dag_id),
    )


@router.get("/sessions")
def sessions(
    key: Annotated[tuple[str, str], Depends(OfRun("GET"))], task_id: str, map_index: int = -1
) -> list[SessionName]:
    """The sessions of one step, in order."""
    from bridle.dashboard.run import name_of

    return [name_of(row) for row in _of_step(StepKey(*key, task_id, map_index))]


@router.get("/session/events")
def events(id: Mine, after: int = 0, limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000) -> Events:
    """Some events, from the one behind number `after`."""
    rows, closed = _look(id, after, limit)
    return Events(events=[_event(row) for row in rows], closed=closed and len(rows) < limit)


@router.get("/session/stream")
async def stream(
    id: Mine, after: int = 0, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """The same as server-sent events, for as long as the session goes on."""
    begin = int(last_event_id) if last_event_id and last_event_id.isdigit() else after
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_sent(id, begin), media_type="text/event-stream", headers=headers)


@router.post("/session/stop")
def stop(user: User, id: Annotated[UUID, Depends(OfSession("PUT"))]) -> dict[str, str]:
    """End one session within ten seconds; its work so far is kept."""
    row = ledger().session(id)
    if row.closed_at is not None:
        raise HTTPException(409, f"session {id} has ended as {row.outcome} already")
    ledger().request_stop(f"session:{id}", f"human:{user.get_name()}")
    return {"stopped": f"session:{id}"}


@cache
def broadcasts() -> Broadcasts:
    """Of this API server."""
    return Broadcasts(_look)


async def _sent(session_id: UUID, after: int) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async for row in broadcasts().watch(session_id, after):
        if row is None:
            yield ": still here\n\n"
        else:
            yield f"id: {row.seq}\ndata: {_event(row).model_dump_json()}\n\n"
    _, closed = await run_in_threadpool(_look, session_id, after)
    if closed:  # else the browser comes back by itself
        yield f"event: end\ndata: {json.dumps({'id': str(session_id)})}\n\n"


def _look(session_id: UUID, after: int, limit: int = 1_000) -> tuple[Sequence[EventRow], bool]:
    # whether it has ended comes first: what is read after it is complete
    closed = ledger().session(session_id).closed_at is not None
    return queries().events(session_id, after=after, limit=limit), closed


def _of_step(step: StepKey) -> list[SessionRow]:
    rows = queries().sessions(step.dag_id, step.run_id, limit=2_000)
    return [row for row in reversed(rows) if row.attempt.step == step]


def _is_of(check: CheckRow, session: SessionRow) -> bool:
    if check.session_id is not None:
        return check.session_id == session.id
    return check.attempt.step == session.attempt.step and check.round == session.round


def _prompt(row: SessionRow) -> str:
    try:
        return ledger().get_artifact(row.prompt_ref).decode("utf-8", "replace")
    except ConfigError:
        return "(retention has removed it)"


def _event(row: EventRow) -> Event:
    return Event(seq=row.seq, at=row.at, kind=row.kind, payload=row.payload)


def _call(row: CallRow, session: SessionRow) -> Call:
    usage = row.usage
    return Call(
        id=str(row.id),
        at=row.reserved_at,
        asked=f"{row.provider or session.provider}:{row.model}",
        answered=row.answered_model,
        status="under way" if row.state == "reserved" else row.status or row.state.replace("_", " "),
        http_status=row.http_status,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cache_read_tokens=usage.cache_read_tokens if usage else None,
        cache_write_tokens=usage.cache_write_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        cost_usd=row.price.amount,
        price_source=row.price.source,
        request_bytes=row.request_bytes,
        latency_ms=row.latency_ms,
        first_byte_ms=row.first_byte_ms,
    )


def _check(row: CheckRow) -> Check:
    return Check(
        id=str(row.id),
        at=row.at,
        name=row.name,
        command=row.command,
        round=row.round,
        commit=row.commit,
        exit_code=row.exit_code,
        timed_out=row.timed_out,
        seconds=row.seconds,
        output=row.tail,
    )
