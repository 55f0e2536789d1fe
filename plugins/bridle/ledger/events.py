"""What happens in a session, as it happens."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import ConfigError, FenceLost, LedgerUnavailable
from bridle.ledger.claims import require_fence
from bridle.ledger.part import Part, fence_of
from bridle.ledger.records import EventLike, EventRow
from bridle.ledger.schema import event, session
from bridle.ledger.spool import Spool

_AWAY_SECONDS = 5.0


class Events(Part):
    """Recording, keeping while Postgres is away, and replaying."""

    _spool: Spool
    _last_seq: dict[UUID, int]
    _away_until: float
    _numbering: threading.Lock

    def record(self, session_id: UUID, events: Sequence[EventLike]) -> None:
        """Write events down; one process records for a session, and numbers them from 1.

        While Postgres is away they are kept on disk, and follow by the next call that reaches it (or by
        `replay`): nothing is lost, nothing is there twice. A number is never given away twice either, so an
        event is in the ledger at most once.

        Raises:
            FenceLost: a newer attempt owns the step. The events are history, and in the ledger all the same.
        """
        rows = self._numbered(session_id, events)
        if not rows:
            return
        if time.monotonic() < self._away_until:
            self._spool.keep(session_id, rows)
            return
        lost: FenceLost | None = None
        try:
            self._replay(session_id)
            with self._db.transaction(patient=False) as connection:
                _insert(connection, session_id, rows)
                lost = _fence_lost(connection, session_id)
        except LedgerUnavailable:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            self._spool.keep(session_id, rows)
        if lost is not None:
            raise lost

    def replay(self) -> int:
        """Write what any process of this host has kept on disk; returns the number of sessions.

        Sessions of another ledger are left alone.
        """
        done = 0
        for session_id in self._spool.waiting():
            with self._db.transaction() as connection:
                ours = connection.scalar(select(session.c.id).where(session.c.id == session_id))
            if ours is not None:
                self._replay(session_id)
                done += 1
        return done

    def events(self, session_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[EventRow]:
        """A session's events in order, from the one behind number `after`."""
        query = (
            select(event)
            .where(event.c.session_id == session_id, event.c.seq > after)
            .order_by(event.c.seq)
            .limit(limit)
        )
        with self._db.transaction() as connection:
            return [EventRow(**row) for row in connection.execute(query).mappings()]

    def _numbered(self, session_id: UUID, events: Sequence[EventLike]) -> list[dict[str, Any]]:
        with self._numbering:
            return self._number(session_id, events)

    def _number(self, session_id: UUID, events: Sequence[EventLike]) -> list[dict[str, Any]]:
        last = self._last_seq.get(session_id)
        if last is None:
            with self._db.transaction() as connection:
                stored = connection.scalar(
                    select(func.coalesce(func.max(event.c.seq), 0)).where(event.c.session_id == session_id)
                )
            last = max(stored or 0, self._spool.last_seq(session_id))
        rows = [
            {
                "seq": last + offset,
                "at": item.at.isoformat(),
                "kind": str(item.kind),
                "payload": self._door.json(dict(item.payload)),
            }
            for offset, item in enumerate(events, start=1)
        ]
        self._last_seq[session_id] = last + len(rows)
        return rows

    def _replay(self, session_id: UUID) -> None:
        def write(rows: list[dict[str, Any]]) -> None:
            with self._db.transaction(patient=False) as connection:
                _insert(connection, session_id, rows)

        self._spool.drain(session_id, write)


def _fence_lost(connection: Connection, session_id: UUID) -> FenceLost | None:
    row = connection.execute(select(session).where(session.c.id == session_id)).mappings().first()
    if row is None:
        raise ConfigError(f"session {session_id} is not in this ledger; open it before it has events")
    try:
        require_fence(connection, fence_of(row))
    except FenceLost as lost:
        return lost  # raised once the events are committed
    return None


def _insert(connection: Connection, session_id: UUID, rows: list[dict[str, Any]]) -> None:
    if rows:
        values = [{**row, "session_id": session_id, "at": datetime.fromisoformat(row["at"])} for row in rows]
        connection.execute(insert(event).on_conflict_do_nothing(), values)
