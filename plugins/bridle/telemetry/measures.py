"""Counters, times and gauges, through Airflow's own metrics; docs/traces.md lists them."""

import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from bridle.ledger.records import Attempt, CallRequest, ReviewRow, SessionStart
from bridle.ledger.store import Ledger
from bridle.telemetry.watcher import CallEnd, CheckEnd, SessionEnd, Watcher


class Stats(Protocol):
    """Airflow's `airflow.sdk.observability.stats`."""

    def incr(self, stat: str, count: int, *, tags: dict[str, str]) -> object: ...
    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> object: ...
    def timing(self, stat: str, dt: float, *, tags: dict[str, str]) -> object: ...


@dataclass(frozen=True)
class _Session:
    role: str
    model: str
    agent: str
    opened: float = field(default_factory=time.monotonic)

    @property
    def tags(self) -> dict[str, str]:
        return {"role": self.role, "model": self.model}


class Measures(Watcher):
    """Tells `stats` what a step does, by role and model."""

    def __init__(self, stats: Stats, ledger: Ledger, dag_id: str) -> None:
        """
        Args:
            stats: Airflow's.
            ledger: counts what is open.
            dag_id: whose step it is.
        """
        self._stats = stats
        self._ledger = ledger
        self._dag_id = dag_id
        self._sessions: dict[UUID, _Session] = {}
        self._calls: dict[UUID, tuple[UUID, dict[str, str]]] = {}
        self._effects: dict[str, str] = {}

    def session_opened(self, session_id: UUID, start: SessionStart) -> None:
        self._sessions[session_id] = _Session(start.role, start.model, start.agent)
        self._tell_open(self._sessions[session_id])

    def model_changed(self, session_id: UUID, provider: str, model: str) -> None:
        former = self._sessions[session_id]
        self._sessions[session_id] = replace(former, model=model)
        self._tell_open(former)
        self._tell_open(self._sessions[session_id])

    def session_closed(self, session_id: UUID, end: SessionEnd) -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            took = (time.monotonic() - session.opened) * 1000
            self._stats.timing("bridle.session.duration", took, tags={**session.tags, "outcome": end.outcome})
        else:  # of a killed task, found here
            row = self._ledger.session(session_id)
            session = _Session(row.role, row.model, row.agent)
        self._stats.incr(f"bridle.session.{end.outcome}", 1, tags={**session.tags, "agent": session.agent})
        self._tell_open(session)
        for provider, model in self._ledger.unanswered_calls(session_id):
            tags = {"role": session.role, "model": model, "provider": provider}
            self._stats.incr("bridle.call", 1, tags={**tags, "status": "never answered"})
            self._stats.incr("bridle.cost.unknown", 1, tags=tags)
        for call_id in [key for key, (owner, _) in self._calls.items() if owner == session_id]:
            del self._calls[call_id]

    def call_reserved(self, call_id: UUID, request: CallRequest) -> None:
        role = self._sessions[request.session_id].role
        tags = {"role": role, "model": request.model, "provider": request.provider}
        self._calls[call_id] = request.session_id, tags

    def call_settled(self, call_id: UUID, end: CallEnd) -> None:
        if call_id not in self._calls:  # too late: it was told as never answered
            return
        _, tags = self._calls.pop(call_id)
        self._stats.incr("bridle.call", 1, tags={**tags, "status": end.status})
        self._stats.timing("bridle.call.duration", end.latency_ms, tags=tags)
        if end.price.amount is None:
            self._stats.incr("bridle.cost.unknown", 1, tags=tags)
        else:
            self._stats.incr("bridle.cost.micro_usd", round(end.price.amount * Decimal(10**6)), tags=tags)
        if end.usage is not None:
            self._stats.incr("bridle.tokens.input", end.usage.input_tokens, tags=tags)
            self._stats.incr("bridle.tokens.output", end.usage.output_tokens, tags=tags)
            self._stats.incr("bridle.tokens.cache_read", end.usage.cache_read_tokens, tags=tags)
            self._stats.incr("bridle.tokens.cache_creation", end.usage.cache_write_tokens, tags=tags)

    def checked(self, attempt: Attempt, end: CheckEnd) -> None:
        came = "passed" if end.exit_code == 0 else "failed"
        self._stats.incr(f"bridle.check.{came}", 1, tags={"check": end.name})
        self._stats.timing("bridle.check.duration", end.seconds * 1000, tags={"check": end.name})

    def review_opened(self, review: ReviewRow) -> None:
        self._tell_waiting(review)

    def review_answered(self, review: ReviewRow) -> None:
        dag = {"dag_id": review.attempt.step.dag_id}
        by = "human" if (review.by or "").startswith("human:") else "policy"
        self._stats.incr(f"bridle.review.{review.decision}", 1, tags={**dag, "by": by})
        if review.answered_at is not None and by == "human":
            waited = (review.answered_at - review.opened_at).total_seconds() * 1000
            self._stats.timing("bridle.review.wait", waited, tags=dag)
        self._tell_waiting(review)

    def review_withdrawn(self, review: ReviewRow) -> None:
        self._tell_waiting(review)

    def effect_intended(self, key: str, kind: str, target: str) -> None:
        self._effects[key] = kind

    def effect_ended(self, key: str, state: str) -> None:
        tags = {"dag_id": self._dag_id, "effect": self._effects.pop(key, "")}
        self._stats.incr(f"bridle.effect.{state}", 1, tags=tags)

    def _tell_open(self, session: _Session) -> None:
        count = self._ledger.open_sessions(session.role, session.model)
        self._stats.gauge("bridle.sessions.open", count, tags=session.tags)

    def _tell_waiting(self, review: ReviewRow) -> None:
        dag_id = review.attempt.step.dag_id
        count = self._ledger.waiting_reviews(dag_id)
        self._stats.gauge("bridle.reviews.waiting", count, tags={"dag_id": dag_id})
