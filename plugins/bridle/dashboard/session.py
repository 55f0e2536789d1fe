"""`GET /bridle/api/session`, its events, and ending it; their stream is in `stream.py`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query

from bridle.dashboard import spans
from bridle.dashboard.books import ledger, queries
from bridle.dashboard.diff import of_session
from bridle.dashboard.graders import grade
from bridle.dashboard.rights import OfRun, OfSession, User, may
from bridle.dashboard.shapes.base import Totals
from bridle.dashboard.shapes.run import SessionName
from bridle.dashboard.shapes.session import Call, Check, Event, Events, SessionView
from bridle.ledger.queries import NOTHING, CallRow
from bridle.ledger.records import CheckRow, EventRow, SessionRow, StepKey
from bridle.ledger.tool_use import tool_use

router = APIRouter()

Mine = Annotated[UUID, Depends(OfSession("GET"))]


@router.get("/session")
def session(user: User, id: Mine) -> SessionView:
    """Everything about one session but its events."""
    row = ledger().session(id)
    step = row.attempt.step
    bars = spans.of_sessions(queries().sessions_of(step))
    bar = next(each for each in bars if each.id == str(id))
    texts = queries().texts([row.prompt_ref, *filter(None, [row.diff_ref])])
    calls, diff = queries().calls(id), of_session(row, texts)
    (tools,) = queries().rows(tool_use(id))
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
        prompt=texts.get(row.prompt_ref, "(retention has removed it)"),
        prompt_digest=row.prompt_digest,
        totals=bar.totals or Totals.of(NOTHING),
        calls=[_call(each, row) for each in calls],
        checks=[_check(each) for each in queries().checks_of(row)],
        files=diff.files,
        diff_truncated=diff.truncated,
        graders=grade({**tools}, calls),
        siblings=bars,
        may_stop=row.closed_at is None and may(user, "PUT", step.dag_id),
    )


@router.get("/sessions")
def sessions(
    key: Annotated[tuple[str, str], Depends(OfRun("GET"))], task_id: str, map_index: int = -1
) -> list[SessionName]:
    """The sessions of one step, in order."""
    return [spans.name_of(row) for row in queries().sessions_of(StepKey(*key, task_id, map_index))]


@router.get("/session/events")
def events(id: Mine, after: int = 0, limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000) -> Events:
    """Some events, from the one behind number `after`."""
    rows, closed = queries().look(id, after, limit)
    return Events(events=[event_of(row) for row in rows], closed=closed)


@router.post("/session/stop")
def stop(user: User, id: Annotated[UUID, Depends(OfSession("PUT"))]) -> dict[str, str]:
    """End one session within ten seconds; its work so far is kept."""
    row = ledger().session(id)
    if row.closed_at is not None:
        raise HTTPException(409, f"session {id} has ended as {row.outcome} already")
    ledger().request_stop(f"session:{id}", f"human:{user.get_name()}")
    return {"stopped": f"session:{id}"}


def event_of(row: EventRow) -> Event:
    """An event as pages get it."""
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
