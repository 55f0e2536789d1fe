"""Where metrics go, when Airflow sends any."""

from collections.abc import Iterator
from importlib.util import find_spec

from bridle.doctor.finding import Finding, ok, warn
from bridle.doctor.patient import Patient

_BACKENDS = {"statsd_datadog_enabled": "datadog", "statsd_on": "statsd", "otel_on": "otel"}
"""Airflow's option to its extra that has the client, in Airflow's order of preference."""
_CLIENTS = {"datadog": "datadog", "statsd": "statsd", "otel": "opentelemetry.sdk"}


def metrics(patient: Patient) -> Iterator[Finding]:
    """Whether what Airflow would send them with is installed: without it, it sends none and goes on."""
    if not patient.configured:
        return
    options = (
        option for option in _BACKENDS if patient.option("metrics", option).lower() in ("true", "t", "1")
    )
    option = next(options, None)
    if option is None:
        yield ok("metrics", "off")
    elif find_spec(_CLIENTS[_BACKENDS[option]]) is None:
        extra = _BACKENDS[option]
        said = f"[metrics] {option} is on, but its client is not installed: nothing is sent"
        yield warn("metrics", said, f"pip install 'apache-airflow[{extra}]', in every part of Airflow")
    else:
        yield ok("metrics", f"sent, by [metrics] {option}")
