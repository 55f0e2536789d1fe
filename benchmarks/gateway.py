"""What the gateway adds to a model call: `python benchmarks/gateway.py [calls]`.

Each round makes one small streamed call directly to a scripted model, one through a gateway with books in
memory, and one through a gateway with books in a ledger (an embedded Postgres), in this order, so that all
three see the same machine; model, caller and gateways are processes of their own. Printed is the difference
to the direct call of the same round, until the answer begins and until it has ended.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bridle.gateway.budget import LedgerMeter, MemoryMeter, Meter
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place, Upstream
from bridle.ledger import migrate
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from bridle.testing.ledger import session_start
from bridle.testing.model_server import ModelServer

BODY: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "stream": True,
    "system": "x" * 19_000,
    "messages": [{"role": "user", "content": "hi"}],
}
AIM_MS = 5.0


def ledger_meter(ledger: Ledger) -> LedgerMeter:
    """Books of a new session, counted against the three scopes that a step has."""
    step = StepKey("benchmark", "run", "step")
    attempt = Attempt(step, str(new_id()), 1, 0)
    fence = ledger.take_step(attempt)
    start = session_start(attempt, fence)
    session_id = ledger.open_session(start)
    return LedgerMeter(ledger, session_id=session_id, fence=fence, scopes=(step.scope, step.run_scope))


def measure(ways: list[tuple[str, dict[str, str]]], calls: int) -> list[list[tuple[float, float]]]:
    """Milliseconds to the first and to the last byte of each way's call; run in a process of its own."""

    def timed(client: httpx.Client, url: str, headers: dict[str, str]) -> tuple[float, float]:
        began = time.perf_counter()
        with client.stream("POST", f"{url}/v1/messages", json=BODY, headers=headers) as answer:
            parts = answer.raise_for_status().iter_bytes()
            next(parts)
            first = time.perf_counter()
            for _ in parts:
                pass
        return (first - began) * 1000, (time.perf_counter() - began) * 1000

    with ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client()) for _ in ways]
        rounds = [[timed(c, *way) for c, way in zip(clients, ways, strict=True)] for _ in range(calls + 10)]
    return rounds[10:]


def report(name: str, extra: list[tuple[float, float]]) -> bool:
    """Print one line; whether the aim was met."""
    first, last = (
        (statistics.median(values), statistics.quantiles(values, n=20)[-1])
        for values in zip(*extra, strict=True)
    )
    verdict = "ok" if last[1] <= AIM_MS else f"over the aim of {AIM_MS:g} ms"
    print(
        f"{name:20} first byte p50 {first[0]:+6.2f} p95 {first[1]:+6.2f} ms   "
        f"last byte p50 {last[0]:+6.2f} p95 {last[1]:+6.2f} ms   {verdict}"
    )
    return last[1] <= AIM_MS


def main(calls: int = 200) -> int:
    """Measure and print; 1 when the aim was missed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridle-benchmark-")))
        script = folder / "script.yaml"
        script.write_text(f"step:\n  - - text: {'word ' * 80}\n")
        model = stack.enter_context(ModelServer(script))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        postgres.create_database("bridle")
        url = postgres.url("bridle")
        migrate.upgrade(url)
        ledger = stack.enter_context(Ledger(url))
        place = Place("step")
        provider = Provider("anthropic", {"anthropic-messages": f"{model.url}/v1/messages"}, key="k")
        upstream = Upstream(provider, "claude-haiku-4-5", place.headers())

        def door(meter: Meter) -> tuple[str, dict[str, str]]:
            gateway = stack.enter_context(Gateway(upstream=upstream, meter=meter))
            return gateway.url, {"x-api-key": gateway.token}

        ways = [(model.url, place.headers()), door(MemoryMeter()), door(ledger_meter(ledger))]
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as caller:
            rounds = caller.submit(measure, ways, calls).result()
        print(f"{calls} streamed calls of {len(str(BODY)) // 1000} kB; direct p50", end=" ")
        print(f"{statistics.median(row[0][1] for row in rounds):.2f} ms")
        fine = [
            report(name, [(row[way][0] - row[0][0], row[way][1] - row[0][1]) for row in rounds])
            for way, name in enumerate(("gateway", "gateway with ledger"), 1)
        ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
