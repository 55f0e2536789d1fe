"""Spans out of the sandbox are data of a stranger."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bridle.guard.redact import Redactor
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, Fence, StepKey
from bridle.ledger.store import Ledger
from bridle.telemetry.foreign import SPANS, foreign_spans
from bridle.telemetry.trace import Trace
from bridle.testing.ledger import session_start

SECRET = "hunter2-is-the-secret"


@pytest.fixture
def sent() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def trace(tmp_path: Path, sent: InMemorySpanExporter) -> Iterator[Trace]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(sent))
    attempt = Attempt(StepKey("dag", "run", "task"), "ti", 1, 0)
    ledger = Ledger("postgresql://localhost/none", redactor=Redactor([SECRET]), spool=tmp_path)
    trace = Trace(provider.get_tracer("bridle"), attempt, ledger, content=False)
    with trace.step():
        yield trace


@pytest.fixture
def session(trace: Trace) -> UUID:
    session_id = new_id()
    attempt = Attempt(StepKey("dag", "run", "task"), "ti", 1, 0)
    trace.session_opened(session_id, session_start(attempt, Fence("k", 1, "ti")))
    return session_id


@pytest.fixture
def take(trace: Trace, session: UUID) -> Callable[[bytes], None]:
    taken = foreign_spans(trace, session, "claude-code")
    assert taken is not None
    return taken


def request(traceparent: str, *names: str, trace_id: str = "", **attributes: str) -> bytes:
    """One request of an agent's program, whose spans say that they are below `traceparent`."""
    _, trace, parent, _ = traceparent.split("-")
    made = ExportTraceServiceRequest()
    scope = made.resource_spans.add().scope_spans.add()
    for number, name in enumerate(names, start=1):
        span = scope.spans.add(name=name, trace_id=bytes.fromhex(trace_id or trace))
        span.span_id = number.to_bytes(8)
        span.parent_span_id = bytes.fromhex(parent)
        for key, value in attributes.items():
            span.attributes.add(key=key).value.string_value = value
    return bytes(made.SerializeToString())


def taken(sent: InMemorySpanExporter) -> tuple[ReadableSpan, ...]:
    return sent.get_finished_spans()


def test_the_sessions_own_are_taken_below_it(
    trace: Trace, session: UUID, take: Callable[[bytes], None], sent: InMemorySpanExporter
) -> None:
    parent = trace.traceparent(session)
    take(request(parent, "claude_code.tool", tool_name="Read"))
    (span,) = taken(sent)
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == parent.split("-")[2]
    assert span.attributes == {"tool_name": "Read"}
    assert span.resource.attributes["service.name"] == "claude-code"


def test_those_of_another_trace_are_left_out(
    trace: Trace, session: UUID, take: Callable[[bytes], None], sent: InMemorySpanExporter
) -> None:
    take(request(trace.traceparent(session), "forged", trace_id="ab" * 16))
    assert taken(sent) == ()


def test_what_cannot_be_read_is_left_out(take: Callable[[bytes], None], sent: InMemorySpanExporter) -> None:
    take(b"\xff\xff no protobuf")
    assert taken(sent) == ()


def test_secrets_and_long_texts_do_not_get_out(
    trace: Trace, session: UUID, take: Callable[[bytes], None], sent: InMemorySpanExporter
) -> None:
    take(request(trace.traceparent(session), f"a {SECRET}", told=f"{SECRET} {'x' * 5000}"))
    (span,) = taken(sent)
    assert SECRET not in span.to_json()
    assert len(str((span.attributes or {})["told"])) <= 200


def test_a_session_has_so_many_and_no_more(
    trace: Trace, session: UUID, take: Callable[[bytes], None], sent: InMemorySpanExporter
) -> None:
    for _ in range(3):
        take(request(trace.traceparent(session), *["one"] * (SPANS // 2)))
    assert len(taken(sent)) == SPANS


def test_a_session_that_is_not_traced_takes_none(trace: Trace) -> None:
    assert foreign_spans(None, new_id(), "claude-code") is None
    assert foreign_spans(trace, new_id(), "claude-code") is None
