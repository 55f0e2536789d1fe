"""Spans that an agent's own program made, taken in below the span of its session.

They come out of the sandbox, so they are data of a stranger: only spans of the session's own trace are taken,
so many and so long, their texts redacted. They go out the way of all spans here.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bridle.ledger.door import Door
from bridle.telemetry.trace import Trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, Tracer

log = logging.getLogger(__name__)

SPANS = 5_000
"""Of one session."""
CHARACTERS = 200
"""Of one value; the agents' programs leave prompts and arguments out by themselves."""


def foreign_spans(trace: Trace | None, session_id: UUID, agent: str) -> Callable[[bytes], None] | None:
    """Where the spans go that the program of a session's agent makes; None: nowhere, nothing is traced."""
    traceparent = trace.traceparent(session_id) if trace else ""
    return Foreign(trace, traceparent, agent).take if trace and traceparent else None


class Foreign:
    """Takes in the spans of one session."""

    def __init__(self, trace: Trace, traceparent: str, agent: str) -> None:
        """
        Args:
            trace: the step's.
            traceparent: the session's span, as the agent was given it.
            agent: name under which its spans are shown.
        """
        self._tracer: Tracer = trace.tracer
        self._door = Door(trace.redactor)
        self._trace_id = bytes.fromhex(traceparent.split("-")[1])
        self._agent = agent
        self._left = SPANS

    def take(self, body: bytes) -> None:
        """Take one OTLP request (protobuf); what is no such is left out, with a line in the log."""
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        try:
            request = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            log.info("%d bytes of the agent's own spans cannot be read; they are left out", len(body))
            return
        scoped = [one for group in request.resource_spans for one in group.scope_spans]
        for scope in scoped:
            for span in scope.spans:
                if span.trace_id == self._trace_id and self._left > 0:
                    self._left -= 1
                    self._tracer.span_processor.on_end(self._readable(span, scope.scope.name))

    def _readable(self, span: Any, scope: str) -> "ReadableSpan":
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        def context(span_id: bytes) -> SpanContext:
            ids = int.from_bytes(self._trace_id), int.from_bytes(span_id)
            return SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))

        failed = span.status.code == span.status.STATUS_CODE_ERROR
        return ReadableSpan(
            self._text(span.name),
            context=context(span.span_id),
            parent=context(span.parent_span_id) if span.parent_span_id else None,
            resource=self._tracer.resource.merge(Resource({"service.name": self._agent})),
            attributes=self._attributes(span.attributes),
            kind=SpanKind.CLIENT if span.kind == span.SPAN_KIND_CLIENT else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=span.start_time_unix_nano,
            end_time=span.end_time_unix_nano,
            instrumentation_scope=InstrumentationScope(self._text(scope)),
        )

    def _attributes(self, pairs: Sequence[Any]) -> Mapping[str, Any]:
        told = {}
        for pair in pairs:
            kind = pair.value.WhichOneof("value")
            if kind == "string_value":
                told[self._text(pair.key)] = self._text(pair.value.string_value)
            elif kind in ("int_value", "double_value", "bool_value"):
                told[self._text(pair.key)] = getattr(pair.value, kind)
        return told

    def _text(self, value: str) -> str:
        return self._door.text(value, CHARACTERS)
