"""How sessions end that did not end themselves."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Integer, Numeric, cast, func, select, update

from bridle.ledger.call_end import give_up_calls
from bridle.ledger.records import Fence
from bridle.ledger.schema import event, session

LOST = "lost"
_MOST_TURNS = 1_000_000


def close_superseded(connection: Connection, fence: Fence, reason: str) -> list[UUID]:
    """Close what older holders of a fence left open; returns which sessions that were."""
    older = (session.c.fence_key == fence.key) & (session.c.fence_token < fence.token)
    return _close(connection, older, reason)


def close_expired(connection: Connection, session_id: UUID) -> bool:
    """Close one session whose lease has run out; False when it is closed, alive or unknown."""
    expired = (session.c.id == session_id) & (session.c.expires_at < func.clock_timestamp())
    return bool(_close(connection, expired, "no heartbeat: its process vanished"))


def _close(connection: Connection, which: ColumnElement[bool], reason: str) -> list[UUID]:
    still_open = (
        select(session.c.id)
        .where(which, session.c.closed_at.is_(None))
        .order_by(session.c.id)
        .with_for_update()
    )
    ids = list(connection.scalars(still_open))
    if ids:
        connection.execute(
            update(session)
            .where(session.c.id.in_(ids))
            .values(closed_at=func.clock_timestamp(), outcome=LOST, reason=reason, turns=_turns_told())
        )
        for session_id in ids:
            give_up_calls(connection, session_id)
    return ids


def _turns_told() -> Any:
    """The last turn that a session's events tell of: it cannot say any more how many there were."""
    turn = event.c.payload["turn"]
    told = select(func.max(cast(turn.astext, Numeric))).where(
        event.c.session_id == session.c.id, func.jsonb_typeof(turn) == "number"
    )
    # an agent wrote it
    return cast(func.least(func.coalesce(told.scalar_subquery(), 0), _MOST_TURNS), Integer)
