"""Sessions: opened, kept alive, closed; and what a retry reads about them."""

from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, text, update

from bridle.errors import ConfigError
from bridle.ledger.artifacts import pack, store, store_transcript
from bridle.ledger.call_end import give_up_calls
from bridle.ledger.checks import check_of
from bridle.ledger.claims import require_fence
from bridle.ledger.events import Events
from bridle.ledger.ids import new_id
from bridle.ledger.part import attempt_of, attempt_values, fence_of, fence_values, of_step
from bridle.ledger.records import SessionRow, SessionStart, StepKey, StepState
from bridle.ledger.schema import check_run, session
from bridle.ledger.session_end import close_expired
from bridle.ledger.session_guard import require_open_session

_SUMMARY = 2_000
_TRANSCRIPT = 64 << 20


class Sessions(Events):
    """A session's life."""

    def open_session(self, start: SessionStart, *, ttl_seconds: float = 60) -> UUID:
        """Write down that a session begins.

        Args:
            start: all there is to know before it runs; the prompt becomes an artifact.
            ttl_seconds: its first lease; `heartbeat` prolongs it.

        Returns:
            Its id, a UUIDv7.

        Raises:
            FenceLost: a newer attempt owns the step.
        """
        session_id = new_id()
        prompt = pack(self._door, start.prompt.encode("utf-8", "replace"), "text/markdown", "prompt")
        limits = self._door.json(start.limits)
        with self._db.transaction() as connection:
            require_fence(connection, start.fence)
            connection.execute(
                insert(session).values(
                    id=session_id,
                    **attempt_values(start.attempt),
                    **fence_values(start.fence),
                    round=start.round,
                    role=start.role,
                    agent=start.agent,
                    model=start.model,
                    provider=start.provider,
                    dialect=start.dialect,
                    repo=start.repo,
                    base_commit=start.base_commit,
                    isolation=start.isolation,
                    prompt_ref=store(connection, prompt),
                    prompt_digest=start.prompt_digest,
                    limits=limits,
                    resumed_from=start.resumed_from,
                    expires_at=_lease(ttl_seconds),
                )
            )
        self._last_seq[session_id] = 0
        return session_id

    def heartbeat(self, session_id: UUID, ttl_seconds: float = 60) -> None:
        """Prolong a session's lease, by the database's clock.

        Raises:
            FenceLost: a newer attempt owns the step, or somebody closed the session.
        """
        with self._db.transaction() as connection:
            require_open_session(connection, session_id)
            connection.execute(
                update(session).where(session.c.id == session_id).values(expires_at=_lease(ttl_seconds))
            )

    def checkpoint(self, session_id: UUID, commit: str) -> None:
        """Remember the newest commit that the harness made while the session works.

        Raises:
            FenceLost: a newer attempt owns the step, or somebody closed the session.
        """
        with self._db.transaction() as connection:
            require_open_session(connection, session_id)
            connection.execute(update(session).where(session.c.id == session_id).values(checkpoint=commit))

    def change_model(self, session_id: UUID, *, provider: str, model: str) -> None:
        """Note that another model answers a session than the one that it was opened for.

        Raises:
            FenceLost: a newer attempt owns the step, or somebody closed the session.
        """
        values = {"provider": self._door.line(provider), "model": self._door.line(model)}
        with self._db.transaction() as connection:
            require_open_session(connection, session_id)
            connection.execute(update(session).where(session.c.id == session_id).values(**values))

    def save_transcript(self, session_id: UUID, transcript: bytes, *, session_ref: str = "") -> None:
        """Keep the transcript of a session that is still at work, so that a retry can go on from it.

        Args:
            session_id: the session.
            transcript: all of it so far; one over 64 MiB is not kept.
            session_ref: the agent's own id, when it is known.

        Raises:
            FenceLost: a newer attempt owns the step, or somebody closed the session.
        """
        if len(transcript) > _TRANSCRIPT:
            return
        packed = pack(self._door, transcript, "application/octet-stream", "transcript", _TRANSCRIPT)
        with self._db.transaction() as connection:
            require_open_session(connection, session_id)
            values = {"transcript_ref": store_transcript(connection, session_id, packed)}
            if session_ref:
                values["session_ref"] = self._door.line(session_ref)
            connection.execute(update(session).where(session.c.id == session_id).values(**values))

    def close_session(
        self,
        session_id: UUID,
        *,
        outcome: str,
        reason: str = "",
        summary: str = "",
        result: dict[str, Any] | None = None,
        session_ref: str = "",
        turns: int = 0,
        commit: str | None = None,
        reported: dict[str, Any] | None = None,
        transcript: bytes | None = None,
        diff: str | None = None,
    ) -> bool:
        """Write a session's end; calls that were never settled are counted with their estimates.

        Args:
            session_id: the session.
            outcome: `done`, `limit`, `refused`, `failed`, `stopped` or `lost`.
            reason: why, when it is not `done`; one line.
            summary: the agent's own words.
            result: its structured answer.
            session_ref: the agent's own id, for resuming.
            turns: model calls of its main loop.
            commit: what it came to.
            reported: usage as the agent counted it.
            transcript: to resume from; one over 64 MiB is not kept.
            diff: what it changed, as text for people; None: nothing.

        Returns:
            False: it was closed already, with the same outcome.

        Raises:
            FenceLost: a newer attempt owns the step, or somebody closed the session otherwise.
        """
        packed = None
        if transcript is not None and len(transcript) <= _TRANSCRIPT:
            packed = pack(self._door, transcript, "application/octet-stream", "transcript", _TRANSCRIPT)
        shown = (
            None if diff is None else pack(self._door, diff.encode("utf-8", "replace"), "text/x-diff", "diff")
        )
        end = {
            "outcome": outcome,
            "reason": self._door.line(reason),
            "summary": self._door.text(summary, _SUMMARY),
            "result": None if result is None else self._door.json(result),
            "session_ref": self._door.line(session_ref),
            "turns": turns,
            "commit": commit,
            "reported": self._door.json(reported or {}),
        }
        with self._db.transaction() as connection:
            if connection.scalar(select(session.c.outcome).where(session.c.id == session_id)) == outcome:
                return False
            require_open_session(connection, session_id)
            if packed is not None:
                end["transcript_ref"] = store_transcript(connection, session_id, packed)
            if shown is not None:
                end["diff_ref"] = store(connection, shown)
            connection.execute(
                update(session)
                .where(session.c.id == session_id)
                .values(closed_at=func.clock_timestamp(), **end)
            )
            give_up_calls(connection, session_id)
        self._replay(session_id)
        return True

    def session(self, session_id: UUID) -> SessionRow:
        """One session.

        Raises:
            ConfigError: it is not in this ledger.
        """
        with self._db.transaction() as connection:
            row = connection.execute(select(session).where(session.c.id == session_id)).mappings().first()
        if row is None:
            raise ConfigError(f"session {session_id} is not in this ledger")
        return session_of(row)

    def step_state(self, step: StepKey, generation: int) -> StepState:
        """Everything that earlier tries of a step left behind.

        Args:
            step: the step.
            generation: the attempt's; what a clear has made obsolete shows only as `previous`.
        """
        mine = of_step(session, step)
        with self._db.transaction() as connection:
            sessions = connection.execute(
                select(session).where(mine, session.c.generation == generation).order_by(session.c.id)
            ).mappings()
            checks = connection.execute(
                select(check_run)
                .where(of_step(check_run, step), check_run.c.generation == generation)
                .order_by(check_run.c.id)
            ).mappings()
            previous = (
                connection.execute(
                    select(session)
                    .where(mine, session.c.generation < generation)
                    .order_by(session.c.generation.desc(), session.c.id.desc())
                    .limit(1)
                )
                .mappings()
                .first()
            )
            return StepState(
                sessions=tuple(map(session_of, sessions)),
                checks=tuple(map(check_of, checks)),
                previous=None if previous is None else session_of(previous),
            )

    def lost_sessions(self) -> list[SessionRow]:
        """Open sessions whose lease has run out, oldest first."""
        gone = session.c.closed_at.is_(None) & (session.c.expires_at < func.clock_timestamp())
        with self._db.transaction() as connection:
            rows = connection.execute(select(session).where(gone).order_by(session.c.id)).mappings()
            return [session_of(row) for row in rows]

    def close_lost(self, session_id: UUID) -> bool:
        """Close one of `lost_sessions` as lost; False when it came back to life or was closed meanwhile."""
        with self._db.transaction() as connection:
            return close_expired(connection, session_id)


def session_of(row: RowMapping) -> SessionRow:
    """A session from its row."""
    plain = {name: row[name] for name in SessionRow.__dataclass_fields__ if name not in ("attempt", "fence")}
    return SessionRow(attempt=attempt_of(row), fence=fence_of(row), **plain)


def _lease(seconds: float) -> Any:
    return func.clock_timestamp() + text("make_interval(secs => :lease)").bindparams(lease=seconds)
