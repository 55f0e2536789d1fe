"""Who is told of each fact that a step writes into the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bridle.ledger.records import Attempt, CallRequest, EventLike, Price, ReviewRow, SessionStart, Usage


@dataclass(frozen=True)
class CallEnd:
    """What a model call came to."""

    usage: Usage | None
    """None: nobody knows."""
    price: Price
    status: str
    http_status: int | None
    answered_model: str | None
    latency_ms: int
    first_byte_ms: int | None


@dataclass(frozen=True)
class SessionEnd:
    """How a session ended."""

    outcome: str
    reason: str
    summary: str
    turns: int
    commit: str | None


@dataclass(frozen=True)
class CheckEnd:
    """How a check ended."""

    name: str
    round: int
    session_id: UUID | None
    commit: str | None
    exit_code: int | None
    """None when it was killed or its time was up."""
    seconds: float


@dataclass(frozen=True)
class Decided:
    """A choice."""

    what: str
    choice: str
    by: str
    confidence: float | None
    why: str


class Watcher:
    """Hears of everything after it is in the ledger; called from several threads. By itself it does nothing.

    Whatever it raises is logged and forgotten: no step fails, or waits, because of who watches it.
    """

    def session_opened(self, session_id: UUID, start: SessionStart) -> None: ...

    def session_closed(self, session_id: UUID, end: SessionEnd) -> None: ...

    def model_changed(self, session_id: UUID, provider: str, model: str) -> None: ...

    def events(self, session_id: UUID, events: Sequence[EventLike]) -> None: ...

    def call_reserved(self, call_id: UUID, request: CallRequest) -> None: ...

    def call_settled(self, call_id: UUID, end: CallEnd) -> None: ...

    def checked(self, attempt: Attempt, end: CheckEnd) -> None: ...

    def decided(self, attempt: Attempt, decided: Decided) -> None: ...

    def review_opened(self, review: ReviewRow) -> None: ...

    def review_answered(self, review: ReviewRow) -> None: ...

    def review_withdrawn(self, review: ReviewRow) -> None: ...

    def effect_intended(self, key: str, kind: str, target: str) -> None: ...

    def effect_ended(self, key: str, state: str) -> None: ...
