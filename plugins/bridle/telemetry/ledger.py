"""A ledger whose facts are told to watchers, each right after it is written."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from bridle.ledger.calls import billed
from bridle.ledger.effect_log import DONE, SETTLE_SECONDS, UNCERTAIN
from bridle.ledger.records import (
    Attempt,
    BudgetWarning,
    CallRequest,
    EffectRow,
    EventLike,
    Fence,
    SessionStart,
)
from bridle.ledger.store import Ledger
from bridle.telemetry.watcher import CallEnd, CheckEnd, Decided, SessionEnd, Watcher

log = logging.getLogger(__name__)


class WatchedLedger(Ledger):
    """Writes as the ledger does, and tells `watchers`; with none of them it is the ledger."""

    watchers: tuple[Watcher, ...] = ()
    traceparent: Callable[[UUID], str] = staticmethod(lambda _: "")
    """Session to its span, as W3C writes it; kept with the session's start, for whoever resumes it."""

    def _tell(self, fact: Callable[[Watcher], None]) -> None:
        for watcher in self.watchers:
            try:
                fact(watcher)
            except Exception:  # the fact is in the books: whoever only looks on must not undo a step
                log.warning("traces and metrics are incomplete from here on", exc_info=True)

    def open_session(self, start: SessionStart, *, ttl_seconds: float = 60) -> UUID:
        session_id = super().open_session(start, ttl_seconds=ttl_seconds)
        self._tell(lambda watcher: watcher.session_opened(session_id, start))
        return session_id

    def close_session(self, session_id: UUID, *, outcome: str, **end: Any) -> bool:
        if not super().close_session(session_id, outcome=outcome, **end):
            return False
        told = SessionEnd(
            outcome=str(outcome),
            reason=end.get("reason", ""),
            summary=end.get("summary", ""),
            turns=end.get("turns", 0),
            commit=end.get("commit"),
        )
        self._tell(lambda watcher: watcher.session_closed(session_id, told))
        return True

    def close_lost(self, session_id: UUID) -> bool:
        closed = super().close_lost(session_id)
        if closed:
            self._tell_lost(session_id)
        return closed

    def superseded(self, session_ids: Sequence[UUID]) -> None:
        super().superseded(session_ids)
        for session_id in session_ids:
            self._tell_lost(session_id)

    def _tell_lost(self, session_id: UUID) -> None:
        """The end of a session whose process vanished, as its row has it."""
        if not self.watchers:
            return
        row = self.session(session_id)
        told = {name: getattr(row, name) for name in ("reason", "summary", "turns", "commit")}
        end = SessionEnd(outcome=str(row.outcome), **told)
        self._tell(lambda watcher: watcher.session_closed(session_id, end))

    def change_model(self, session_id: UUID, *, provider: str, model: str) -> None:
        super().change_model(session_id, provider=provider, model=model)
        self._tell(lambda watcher: watcher.model_changed(session_id, provider, model))

    def record(self, session_id: UUID, events: Sequence[EventLike]) -> None:
        parent = self.traceparent(session_id)
        if parent:
            events = [_Traced.of(event, parent) if event.kind == "started" else event for event in events]
        super().record(session_id, events)
        self._tell(lambda watcher: watcher.events(session_id, events))

    def reserve(self, call: CallRequest) -> UUID:
        call_id = super().reserve(call)
        self._tell(lambda watcher: watcher.call_reserved(call_id, call))
        return call_id

    def settle(self, call_id: UUID, **end: Any) -> tuple[BudgetWarning, ...]:
        warnings = super().settle(call_id, **end)
        usage, price = billed(end["usage"], end["price"], end["http_status"])
        told = CallEnd(**{**end, "usage": usage, "price": price})
        self._tell(lambda watcher: watcher.call_settled(call_id, told))
        return warnings

    def record_check(self, attempt: Attempt, session_id: UUID | None, **check: Any) -> UUID:
        check_id = super().record_check(attempt, session_id, **check)
        names = ("name", "round", "commit", "exit_code", "seconds")
        told = CheckEnd(session_id=session_id, **{name: check[name] for name in names})
        self._tell(lambda watcher: watcher.checked(attempt, told))
        return check_id

    def decide(self, attempt: Attempt, **decision: Any) -> UUID:
        decision_id = super().decide(attempt, **decision)
        names = Decided.__dataclass_fields__
        told = Decided(**{name: decision[name] for name in names})
        self._tell(lambda watcher: watcher.decided(attempt, told))
        return decision_id

    def open_review(self, attempt: Attempt, **shown: Any) -> UUID:
        review_id = super().open_review(attempt, **shown)
        if (row := self.review(review_id)) is not None:
            self._tell(lambda watcher: watcher.review_opened(row))
        return review_id

    def answer_review(self, review_id: UUID, *, decision: str, by: str, feedback: str = "") -> bool:
        answered = super().answer_review(review_id, decision=decision, by=by, feedback=feedback)
        if answered and (row := self.review(review_id)) is not None:
            self._tell(lambda watcher: watcher.review_answered(row))
        return answered

    def withdraw_review(self, review_id: UUID, why: str) -> bool:
        withdrawn = super().withdraw_review(review_id, why)
        if withdrawn and (row := self.review(review_id)) is not None:
            self._tell(lambda watcher: watcher.review_withdrawn(row))
        return withdrawn

    def effect_intend(  # noqa: PLR0917 (the ledger's own sentence)
        self,
        attempt: Attempt,
        fence: Fence,
        key: str,
        version: str,
        kind: str,
        target: str,
        *,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> EffectRow:
        row = super().effect_intend(attempt, fence, key, version, kind, target, settle_seconds=settle_seconds)
        if row.state != DONE and not row.settled_in:
            self._tell(lambda watcher: watcher.effect_intended(key, kind, target))
        return row

    def effect_done(self, key: str, receipt: dict[str, Any], fence: Fence | None = None) -> None:
        super().effect_done(key, receipt, fence)
        self._tell(lambda watcher: watcher.effect_ended(key, DONE))

    def effect_uncertain(self, key: str, why: str) -> None:
        super().effect_uncertain(key, why)
        self._tell(lambda watcher: watcher.effect_ended(key, UNCERTAIN))


@dataclass(frozen=True)
class _Traced:
    """An event that says which span its session is."""

    kind: str
    at: datetime
    payload: Mapping[str, Any]

    @classmethod
    def of(cls, event: EventLike, traceparent: str) -> Self:
        return cls(event.kind, event.at, {**event.payload, "traceparent": traceparent})
