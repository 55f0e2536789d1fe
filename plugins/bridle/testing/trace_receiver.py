"""A receiver of OpenTelemetry traces and metrics (OTLP over HTTP), as a process of its own.

    python -m bridle.testing.trace_receiver --folder FOLDER [--port 0]

prints its URL on one line and serves until it is ended. Tests use `TraceReceiver`.
"""

import argparse
import gzip
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridle.testing.served import Served


@dataclass(frozen=True)
class ReceivedSpan:
    """One span as it came over the wire."""

    name: str
    trace_id: str
    """Hexadecimal, as are the other two."""
    span_id: str
    parent_id: str
    """Empty: it has none."""
    start: float
    """Seconds since the epoch."""
    end: float
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[tuple[str, str]]
    """Trace and span that it is linked to."""
    failed: bool
    """Its status is an error."""
    service: str
    """`service.name` of its resource."""
    scope: str
    """The instrumentation that made it."""


@dataclass(frozen=True)
class ReceivedPoint:
    """One point of a metric as it came over the wire."""

    tags: dict[str, Any]
    value: float
    """Of a counter or a gauge; of a histogram the sum of what was measured."""
    count: int
    """How many were measured; 1 for what is no histogram."""
    at: float
    """Seconds since the epoch."""


class TraceReceiver(Served):
    """A running receiver, as a context manager; OTEL_EXPORTER_OTLP_ENDPOINT is its `url`.

    Args:
        folder: where it keeps what it is sent.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        super().__init__(__name__, "--folder", str(folder))

    def spans(self) -> list[ReceivedSpan]:
        """Every span so far, in the order of their ends."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        found = []
        for path in self.folder.glob("*.traces"):
            for group in ExportTraceServiceRequest.FromString(path.read_bytes()).resource_spans:
                service = str(_plain(group.resource.attributes).get("service.name", ""))
                for scoped in group.scope_spans:
                    found += [_received(span, service, scoped.scope.name) for span in scoped.spans]
        return sorted(found, key=lambda span: span.end)

    def metrics(self) -> dict[str, list[ReceivedPoint]]:
        """Metric to every point that came, in the order of their times."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        points: dict[str, list[ReceivedPoint]] = {}
        for path in self.folder.glob("*.metrics"):
            for group in ExportMetricsServiceRequest.FromString(path.read_bytes()).resource_metrics:
                for metric in (one for scoped in group.scope_metrics for one in scoped.metrics):
                    kind = getattr(metric, metric.WhichOneof("data"))
                    points.setdefault(metric.name, []).extend(map(_point, kind.data_points))
        return {name: sorted(those, key=lambda point: point.at) for name, those in points.items()}

    def raw(self) -> bytes:
        """Everything that came, as it was on the wire (decompressed)."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()))


def _received(span: Any, service: str, scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        start=span.start_time_unix_nano / 1e9,
        end=span.end_time_unix_nano / 1e9,
        attributes=_plain(span.attributes),
        events=[(event.name, _plain(event.attributes)) for event in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        service=service,
        scope=scope,
    )


def _point(point: Any) -> ReceivedPoint:
    tags, at = _plain(point.attributes), point.time_unix_nano / 1e9
    if hasattr(point, "as_int"):
        return ReceivedPoint(tags, float(getattr(point, point.WhichOneof("value"))), 1, at)
    return ReceivedPoint(tags, point.sum, point.count, at)


def _plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def main(argv: list[str] | None = None) -> None:
    """Serve until the process is ended."""
    import uvicorn

    options = argparse.ArgumentParser(prog="python -m bridle.testing.trace_receiver", description=__doc__)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--port", type=int, default=0)
    given = options.parse_args(argv)

    async def keep(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        kind = request.url.path.rpartition("/")[2]
        part = given.folder / f"{uuid4().hex}.part"
        part.write_bytes(body)
        part.rename(part.with_suffix(f".{kind}"))
        return Response(media_type="application/x-protobuf")

    routes = [Route(f"/v1/{kind}", keep, methods=["POST"]) for kind in ("traces", "metrics", "logs")]
    listener = socket.create_server(("127.0.0.1", given.port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201
    uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), log_config=None, access_log=False, lifespan="off")
    ).run(sockets=[listener])


if __name__ == "__main__":
    main()
