"""Where traces go, when Airflow sends any."""

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from bridle.config.address import without_credential
from bridle.doctor.finding import Finding, ok, warn
from bridle.doctor.patient import Patient

SECONDS = 5.0
_HTTP = "otlp_proto_http"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")


def traces(patient: Patient) -> Iterator[Finding]:
    """Whether exporter and endpoint fit together, and how long a receiver that is away holds tasks up."""
    if not patient.configured:
        return
    if patient.option("traces", "otel_on").lower() not in ("true", "t", "1"):
        yield ok("traces", "off")
        return
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    shown = without_credential(endpoint)
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    content = ", with prompts and answers" if patient.settings.trace_content else ""
    if not endpoint:
        yield warn("traces", "on, but they go nowhere in particular", f"{_ENDPOINTS[1]}=http://…:4318")
    elif exporter == "otlp" and not endpoint.rstrip("/").endswith(":4317"):
        # Airflow does not look at OTEL_EXPORTER_OTLP_PROTOCOL here
        yield warn("traces", f"sent by gRPC to {shown}", f"if that is HTTP: OTEL_TRACES_EXPORTER={_HTTP}")
    elif unheard := _unheard(endpoint):
        yield warn(
            "traces",
            f"nobody answers at {shown}: {unheard}",
            f"start the receiver, or correct {_ENDPOINTS[1]}",
        )
    else:
        yield ok("traces", f"to {shown} by {'HTTP' if exporter == _HTTP else exporter}{content}")
    if not any(os.environ.get(name) for name in _TIMEOUTS):
        yield warn(
            "traces: time-out",
            "a receiver that is away holds the end of every task up for 10 s or longer",
            f"{_TIMEOUTS[1]}=3",
        )


def _unheard(endpoint: str) -> str:
    """Why nothing can be sent there; empty when something listens."""
    place = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    try:
        port = place.port or (443 if place.scheme == "https" else 80)
        with socket.create_connection((place.hostname or "", port), timeout=SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return str(error)
