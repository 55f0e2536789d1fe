"""`GET /bridle/api/session`, `/bridle/api/session/events` and `/bridle/api/session/stream`."""

from typing import Any

from bridle.dashboard.shapes.base import Moment, Money, Shape, Totals
from bridle.dashboard.shapes.run import FileDiff, Span


class Grader(Shape):
    """A number that says something about how a session went; computed from rows, never by a model."""

    name: str
    """`loops`, `context_growth`, `working_set_rebuild_factor` or `tool_success_rate`."""
    numerator: int
    denominator: int
    value: float | None
    """Null when there was nothing to divide by."""
    meaning: str
    """What numerator and denominator are."""


class Call(Shape):
    """One model call."""

    id: str
    at: Moment
    asked: str
    """`provider:model`."""
    answered: str | None
    status: str
    """`under way`, `ok`, or what went wrong."""
    http_status: int | None
    input_tokens: int | None
    """Null, as the other tokens: unknown."""
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: Money | None
    """Null: unknown."""
    price_source: str
    request_bytes: int
    latency_ms: int | None
    first_byte_ms: int | None


class Check(Shape):
    """A check that the harness ran on the session's work."""

    id: str
    at: Moment
    name: str
    command: str
    round: int
    commit: str | None
    exit_code: int | None
    """Null: it was killed, or timed out."""
    timed_out: bool
    seconds: float
    output: str
    """The end of it. Untrusted text."""


class Event(Shape):
    """Something that happened in a session."""

    seq: int
    """From 1."""
    at: Moment
    kind: str
    """See `bridle.agents.base.Event`."""
    payload: dict[str, Any]
    """Untrusted."""


class Events(Shape):
    """Some events in order."""

    events: list[Event]
    closed: bool
    """Whether the session has ended, so that no further ones come."""


class SessionView(Shape):
    """Everything about one session but its events."""

    id: str
    dag_id: str
    run_id: str
    loop_id: str | None
    loop_round: int | None
    span: Span
    role: str
    dialect: str
    turns: int
    limits: dict[str, Any]
    result: dict[str, Any] | None
    """Its structured answer. Untrusted."""
    summary: str
    """Untrusted text."""
    prompt: str
    """As it was sent, secrets taken out."""
    prompt_digest: str
    totals: Totals
    calls: list[Call]
    checks: list[Check]
    files: list[FileDiff]
    diff_truncated: bool
    graders: list[Grader]
    siblings: list[Span]
    """All sessions of the step, this one included, in order."""
    may_stop: bool
    """Whether it goes on, and this user may end it."""
