"""What mixing models saves on one piece of work: `python benchmarks/mixed_models.py`.

The work is a trace of 20 steps, as an issue tracker's day brings them: how many model calls a step makes, how
its context grows from call to call, how much of that the provider's cache has, how much is answered. The
calls are priced by the roles that Bridle ships and booked in a ledger (an embedded Postgres), as the gateway
books them; the table is what `bridle cost --by role` reads from its rows. The comparison prices the same
rows, call by call, on one model alone: the dearest of the mix, which a single session would use for all.

The trace's shape is an assumption, and in this file; prices are those of genai-prices on the day.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bridle.config.roles import Role, Roles
from bridle.config.starter import starter_dir
from bridle.gateway.price_list import PriceList
from bridle.ledger import migrate
from bridle.ledger.costs import in_all
from bridle.ledger.ids import new_id
from bridle.ledger.queries import Queries
from bridle.ledger.records import Attempt, CallRequest, Price, StepKey, Totals, Usage
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from bridle.testing.ledger import session_start

AIM = Decimal("0.60")


@dataclass(frozen=True)
class Session:
    """The shape of one step's session; token counts."""

    calls: int
    first: int
    """Input of the first call: instructions, tools, the task."""
    growth: int
    """What each call adds to the next one's input: answer and tool results."""
    output: int
    """Of each call."""

    def usages(self) -> Iterator[Usage]:
        """Each call's tokens: all that the call before has sent comes from the cache."""
        before = 0
        for number in range(self.calls):
            sent = self.first + number * self.growth
            yield Usage(sent, self.output, cache_read_tokens=before)
            before = sent


CLASSIFY = Session(calls=1, first=1_500, growth=0, output=120)
EXPLORE = Session(calls=14, first=6_000, growth=3_000, output=350)
PLAN = Session(calls=10, first=17_000, growth=3_500, output=450)
IMPLEMENT = Session(calls=18, first=17_000, growth=3_500, output=550)
REVIEW = Session(calls=8, first=11_000, growth=3_000, output=400)

TRACE = [
    *[("classifier", CLASSIFY)] * 4,
    *[("explorer", EXPLORE)] * 9,
    *[("planner", PLAN)] * 1,
    *[("implementer", IMPLEMENT)] * 3,
    *[("reviewer", REVIEW)] * 3,
]


def book(ledger: Ledger, number: int, name: str, role: Role, session: Session, prices: PriceList) -> None:
    """Book one step: a session, and every call of it."""
    attempt = Attempt(StepKey("mixed_models", "run", f"step_{number:02}"), str(new_id()), 1, 0)
    fence = ledger.take_step(attempt)
    start = session_start(
        attempt, fence, role=name, agent=role.agent, model=role.model_name, provider=role.provider
    )
    session_id = ledger.open_session(start)
    for usage in session.usages():
        cost = prices.cost(role.model, usage)
        if cost is None:
            raise SystemExit(f"nobody knows what {role.model} costs")
        call = ledger.reserve(
            CallRequest(session_id, fence, (), start.dialect, role.model_name, usage.total, cost, 0)
        )
        ledger.settle(
            call,
            usage=usage,
            price=Price(cost, source="genai-prices"),
            status="ok",
            http_status=200,
            answered_model=role.model_name,
            latency_ms=0,
            first_byte_ms=0,
        )


def line(name: str, model: str, totals: Totals, alone: Decimal | None) -> str:
    """One line of the table."""
    usage = totals.usage
    saved = "" if not alone else f"{1 - totals.known_usd / alone:5.0%}"
    return (
        f"{name:12} {model:34} {totals.calls:5} {usage.input_tokens:10,} {usage.cache_read_tokens:10,} "
        f"{usage.output_tokens:8,} {totals.known_usd:9.4f} {alone or 0:9.4f} {saved:>6}"
    )


def main() -> int:
    """Book, read and print; 1 when the mix saves less than the aim."""
    roles = Roles.read(starter_dir() / "include" / "roles.yaml")
    prices = PriceList(roles.providers)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bridle-benchmark-"))
        server = stack.enter_context(Postgres(Path(folder), fast=True))
        server.create_database("ledger")
        migrate.upgrade(server.url("ledger"))
        ledger = stack.enter_context(Ledger(server.url("ledger")))
        for number, (name, session) in enumerate(TRACE, start=1):
            book(ledger, number, name, roles.get(name), session, prices)
        queries = stack.enter_context(Queries(server.url("ledger")))
        rows, calls = queries.cost("role"), queries.counted_calls("role")
    single = prices.dearest((call.model for call in calls), [call.usage for call in calls])
    if single is None:
        raise SystemExit("no price is known")

    def alone(name: str | None) -> Decimal | None:
        return prices.as_if(single, (call.usage for call in calls if name in (None, call.name)))

    print(f"{len(TRACE)} steps; alone: every call on {single}; US dollars")
    print(
        f"{'role':12} {'model':34} {'calls':>5} {'input':>10} {'cached':>10} {'output':>8} {'mixed':>9} "
        f"{'alone':>9} {'saved':>6}"
    )
    for row in rows:
        print(line(row.name, roles.get(row.name).model, row.totals, alone(row.name)))
    total, whole = in_all(rows), alone(None)
    print(line("in all", "", total, whole))
    saved = 1 - total.known_usd / whole if whole else Decimal(0)
    print(f"mixing saves {saved:.0%} ({'ok' if saved >= AIM else f'under the aim of {AIM:.0%}'})")
    return 0 if saved >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
