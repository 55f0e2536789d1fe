"""Putting the watchers on a step's ledger."""

from collections.abc import Iterator
from contextlib import contextmanager

from bridle.ledger.records import Attempt
from bridle.ledger.store import Ledger
from bridle.telemetry.ledger import WatchedLedger
from bridle.telemetry.measures import Measures, Stats
from bridle.telemetry.trace import Trace, active_tracer


def ledger_type(stats: Stats | None) -> type[Ledger]:
    """The kind of ledger that a step needs: the plain one where nobody watches."""
    return WatchedLedger if stats is not None or active_tracer() is not None else Ledger


@contextmanager
def watched(
    ledger: Ledger, attempt: Attempt, *, stats: Stats | None, content: bool
) -> Iterator[Trace | None]:
    """Have the step traced and measured for as long as the block runs, where Airflow sends such.

    Args:
        ledger: of the type that `ledger_type` said.
        attempt: of the step.
        stats: Airflow's metrics; None: it sends none.
        content: whether spans may hold prompts, answers and arguments.
    """
    if not isinstance(ledger, WatchedLedger):
        yield None
        return
    measures = () if stats is None else (Measures(stats, ledger, attempt.step.dag_id),)
    tracer = active_tracer()
    if tracer is None:
        ledger.watchers = measures
        yield None
        return
    trace = Trace(tracer, attempt, ledger, content=content)
    ledger.watchers = (trace, *measures)
    ledger.traceparent = trace.traceparent
    with trace.step():
        yield trace
