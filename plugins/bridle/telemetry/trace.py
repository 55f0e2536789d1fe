"""The spans of one step: the step, its sessions, their model calls and tools, checks, effects, approvals."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bridle.ledger.records import Attempt, CallRequest, EventLike, ReviewRow, SessionStart
from bridle.ledger.store import Ledger
from bridle.telemetry import attributes
from bridle.telemetry.content import Content
from bridle.telemetry.sums import Sums
from bridle.telemetry.watcher import CallEnd, CheckEnd, Decided, SessionEnd, Watcher
from bridle.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.trace import Link, Span

_MARKS = {
    "denied": ("tool",),
    "fallback": ("model", "next"),
    "waiting": (),
    "budget": ("scope",),
    "checkpoint": ("commit",),
}
"""Events that a session's span shows, and what of them is no content."""


def active_tracer() -> "Tracer | None":
    """What makes spans in this process; None, and nothing is imported, where Airflow does not send any."""
    sdk = sys.modules.get("opentelemetry.sdk.trace")
    if sdk is None:
        return None
    from opentelemetry.trace import get_tracer_provider

    provider = get_tracer_provider()
    if not isinstance(provider, sdk.TracerProvider):
        return None
    tracer: Tracer = provider.get_tracer("bridle", VERSION)
    return tracer


class Trace(Watcher):
    """Makes the spans of one attempt, below whatever span is current (Airflow's own of the task)."""

    def __init__(self, tracer: "Tracer", attempt: Attempt, ledger: Ledger, *, content: bool) -> None:
        """
        Args:
            tracer: from `active_tracer`.
            attempt: whose spans these are.
            ledger: redacts, and knows the spans of interrupted sessions.
            content: whether prompts, answers and tool arguments are sent too.
        """
        self.tracer = tracer
        self._attempt = attempt
        self._ledger = ledger
        self.redactor = ledger.redactor
        self._content = Content(ledger.redactor, on=content)
        self._step: Span | None = None
        self._sessions: dict[UUID, Span] = {}
        self._conversations: dict[UUID, str] = {}
        self._sums: dict[UUID, Sums] = {}
        self._calls: dict[UUID, tuple[UUID, Span, int]] = {}
        self._tools: dict[tuple[UUID, str], Span] = {}
        self._effects: dict[str, Span] = {}

    @contextmanager
    def step(self) -> Iterator[None]:
        """The step's own span, for as long as the block runs; what is still open then ends with it."""
        dag_id = self._attempt.step.dag_id
        named = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": dag_id}
        self._step = self.tracer.start_span(
            f"invoke_workflow {dag_id}", attributes={**named, **attributes.of_step(self._attempt)}
        )
        try:
            yield
        except BaseException as error:
            _fail(self._step, type(error).__name__)
            raise
        finally:
            calls = [span for _, span, _ in list(self._calls.values())]
            below = [*self._tools.values(), *self._effects.values(), *calls, *self._sessions.values()]
            for span in (*below, self._step):
                span.end()

    def traceparent(self, session_id: UUID) -> str:
        """A session's span as W3C writes it; empty when there is none, or it is not sent."""
        span = self._sessions.get(session_id)
        context = span.get_span_context() if span else None
        if context is None or not context.trace_flags.sampled:
            return ""
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def session_opened(self, session_id: UUID, start: SessionStart) -> None:
        span = self._start(
            f"invoke_agent {start.role}",
            self._below(self._step),
            attributes.of_session(str(session_id), start) | self._content.asked(start.prompt),
            links=self._former(start.resumed_from),
        )
        self._sessions[session_id] = span
        self._sums[session_id] = Sums()

    def model_changed(self, session_id: UUID, provider: str, model: str) -> None:
        now = {"gen_ai.provider.name": provider, "gen_ai.request.model": model}
        if session_id in self._sessions:
            self._sessions[session_id].set_attributes(now)

    def session_closed(self, session_id: UUID, end: SessionEnd) -> None:
        span = self._sessions.pop(session_id, None)
        if span is None:  # a session of somebody else's, found lost
            return
        self._end_below(session_id)
        told = {"bridle.outcome": end.outcome, "bridle.turns": end.turns, "bridle.commit": end.commit}
        told["bridle.reason"] = self._content.text(end.reason)
        span.set_attributes(self._known(told) | self._sums.pop(session_id).attributes())
        span.set_attributes(self._content.answered(end.summary, end.outcome))
        if end.outcome != "done":
            _fail(span, end.outcome)
        span.end()

    def events(self, session_id: UUID, events: Sequence[EventLike]) -> None:
        span = self._sessions.get(session_id)
        if span is None:
            return
        for event in events:
            payload = event.payload
            if event.kind == "tool_call":
                self._tool_called(session_id, span, event.at, payload)
            elif event.kind == "tool_result":
                self._tool_ended(session_id, event.at, payload)
            elif event.kind == "started" and payload.get("session_ref"):
                self._conversations[session_id] = str(payload["session_ref"])
                span.set_attributes(self._conversation(session_id))
            elif event.kind in _MARKS:
                told = self._known({f"bridle.{key}": payload.get(key) for key in _MARKS[event.kind]})
                span.add_event(f"bridle.{event.kind}", told, timestamp=_ns(event.at))

    def call_reserved(self, call_id: UUID, request: CallRequest) -> None:
        from opentelemetry.trace import SpanKind

        now = time.time_ns()
        span = self._start(
            f"chat {request.model}",
            self._below(self._sessions.get(request.session_id)),
            attributes.of_request(str(call_id), request) | self._conversation(request.session_id),
            kind=SpanKind.CLIENT,
            start_time=now,
        )
        self._calls[call_id] = (request.session_id, span, now)

    def call_settled(self, call_id: UUID, end: CallEnd) -> None:
        session_id, span, began = self._calls.pop(call_id)
        if session_id in self._sums:
            self._sums[session_id].add(end)
        span.set_attributes(self._known(attributes.of_answer(end)))
        if end.status != "ok":
            _fail(span, end.status)
        span.end(began + end.latency_ms * 1_000_000)

    def checked(self, attempt: Attempt, end: CheckEnd) -> None:
        now = time.time_ns()
        told = {
            "bridle.check": end.name,
            "bridle.round": end.round,
            "bridle.session_id": end.session_id and str(end.session_id),
            "bridle.commit": end.commit,
            "bridle.exit_code": end.exit_code,
        }
        span = self._start(
            f"check {end.name}",
            self._below(self._step),
            self._known(told),
            start_time=now - int(end.seconds * 1e9),
        )
        if end.exit_code != 0:
            _fail(span, "the check failed")
        span.end(now)

    def decided(self, attempt: Attempt, decided: Decided) -> None:
        told = {
            "bridle.what": decided.what,
            "bridle.choice": decided.choice,
            "bridle.by": decided.by,
            "bridle.confidence": decided.confidence,
            "bridle.why": self._content.text(decided.why),
        }
        if self._step is not None:
            self._step.add_event("bridle.decision", self._known(told))

    def review_answered(self, review: ReviewRow) -> None:
        """The wait for a person, whose task held no process meanwhile."""
        told = {
            "bridle.review_id": str(review.id),
            "bridle.commit": review.commit,
            "bridle.decision": review.decision,
            "bridle.by": review.by,
            "bridle.feedback": self._content.text(review.feedback),
        }
        span = self._start(
            "approval",
            self._below(self._step),
            self._known(told),
            start_time=_ns(review.opened_at),
        )
        span.end(_ns(review.answered_at) if review.answered_at else None)

    def effect_intended(self, key: str, kind: str, target: str) -> None:
        told = {"bridle.effect": kind, "bridle.key": key, "bridle.target": target}
        self._effects[key] = self._start(f"effect {kind}", self._below(self._step), self._known(told))

    def effect_ended(self, key: str, state: str) -> None:
        span = self._effects.pop(key, None)
        if span is None:
            return
        span.set_attribute("bridle.state", state)
        if state != "done":
            _fail(span, state)
        span.end()

    def _tool_called(
        self, session_id: UUID, session: "Span", at: datetime, payload: Mapping[str, Any]
    ) -> None:
        tool, call = str(payload.get("tool", "")), str(payload.get("id", ""))
        told = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.call.id": call,
            "gen_ai.tool.call.arguments": self._content.json(payload.get("input")),
            "bridle.session_id": str(session_id),
            "bridle.turn": payload.get("turn"),
        }
        self._tools[session_id, call] = self._start(
            f"execute_tool {tool}",
            self._below(session),
            self._known(told) | self._conversation(session_id),
            start_time=_ns(at),
        )

    def _tool_ended(self, session_id: UUID, at: datetime, payload: Mapping[str, Any]) -> None:
        span = self._tools.pop((session_id, str(payload.get("id", ""))), None)
        if span is None:
            return
        result = {"gen_ai.tool.call.result": self._content.text(str(payload.get("text", "")))}
        span.set_attributes(self._known(result))
        if not payload.get("ok", True):
            _fail(span, "the tool failed")
        span.end(_ns(at))

    def _end_below(self, session_id: UUID) -> None:
        """End what a session left open: tools without a result, calls that were never answered."""
        for key in [key for key in self._tools if key[0] == session_id]:
            _fail(span := self._tools.pop(key), "it never ended")
            span.end()
        for call_id in [key for key, (owner, _, _) in self._calls.items() if owner == session_id]:
            _, span, _ = self._calls.pop(call_id)
            self._sums[session_id].unknown_usage += 1
            self._sums[session_id].unknown_cost += 1
            span.set_attribute("bridle.status", "never answered")
            _fail(span, "never answered")
            span.end()

    def _conversation(self, session_id: UUID) -> attributes.Attributes:
        return self._known({"gen_ai.conversation.id": self._conversations.get(session_id)})

    def _former(self, session_id: UUID | None) -> "list[Link]":
        """A link to the span of the session that this one goes on with, when that was traced."""
        from opentelemetry.trace import Link, get_current_span
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        events = self._ledger.events(session_id, limit=20) if session_id else []
        parents = [event.payload["traceparent"] for event in events if "traceparent" in event.payload]
        contexts = [
            get_current_span(TraceContextTextMapPropagator().extract({"traceparent": parent}))
            for parent in parents
        ]
        return [Link(span.get_span_context()) for span in contexts]

    def _start(self, name: str, context: "Context | None", told: attributes.Attributes, **how: Any) -> "Span":
        name = self.redactor.known(name)
        return self.tracer.start_span(name, context=context, attributes=self._known(told), **how)

    def _known(self, values: Mapping[str, Any]) -> attributes.Attributes:
        """What is known; models chose some of the words, so no secret may be among them."""
        told = attributes.known(values)
        return {
            name: self.redactor.known(value) if isinstance(value, str) else value
            for name, value in told.items()
        }

    def _below(self, span: "Span | None") -> "Context | None":
        from opentelemetry.trace import set_span_in_context

        parent = span or self._step
        return None if parent is None else set_span_in_context(parent)


def _fail(span: "Span", why: str) -> None:
    """Mark a span as failed, in words that are nobody's content."""
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", why)
    span.set_status(Status(StatusCode.ERROR, why))


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1e9)
