"""May this session still write?"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from bridle.errors import ConfigError, FenceLost
from bridle.ledger.claims import require_fence
from bridle.ledger.records import Fence
from bridle.ledger.schema import session


def require_open_session(connection: Connection, session_id: UUID, fence: Fence | None = None) -> None:
    """Raises FenceLost unless the session is open and its fence is the newest.

    Args:
        connection: in a transaction that has locked nothing yet; fence and session stay locked in it.
        session_id: the session.
        fence: what the caller holds; default: the session's own, looked up.
    """
    if fence is None:
        found = _find(connection, session_id)
        fence = Fence(found.fence_key, found.fence_token, found.fence_holder)
    require_fence(connection, fence)
    row = _find(connection, session_id, lock=True)
    if (row.fence_key, row.fence_token) != (fence.key, fence.token):
        raise FenceLost(f"session {session_id} was opened under another fence than {fence.key}/{fence.token}")
    if row.closed_at is not None:
        raise FenceLost(f"session {session_id} is closed as {row.outcome}: {row.reason}")


def _find(connection: Connection, session_id: UUID, *, lock: bool = False) -> Any:
    query = select(
        session.c.fence_key,
        session.c.fence_token,
        session.c.fence_holder,
        session.c.closed_at,
        session.c.outcome,
        session.c.reason,
    ).where(session.c.id == session_id)
    row = connection.execute(query.with_for_update(read=True) if lock else query).first()
    if row is None:
        raise ConfigError(f"session {session_id} is not in this ledger; open it first")
    return row
