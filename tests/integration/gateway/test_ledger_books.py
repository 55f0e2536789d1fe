"""The gateway's books in a real ledger."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import anthropic
import pytest
from gateway_helpers import ASK, Open, anthropic_client, post, shown

from bridle.errors import ConfigError, LedgerUnavailable
from bridle.gateway.budget import LedgerMeter
from bridle.ledger.ids import new_id
from bridle.ledger.queries import Queries
from bridle.ledger.records import Attempt, BudgetWarning, Fence, StepKey, Usage
from bridle.ledger.store import Ledger
from bridle.testing.ledger import session_start

STEP = StepKey("issue_fix", "manual__1", "implement")


def attempt(number: int) -> Attempt:
    return Attempt(STEP, str(new_id()), number, 0)


@pytest.fixture
def session(ledger: Ledger) -> tuple[UUID, Fence]:
    first = attempt(1)
    fence = ledger.take_step(first)
    start = session_start(first, fence)
    return ledger.open_session(start), fence


@pytest.fixture
def books(ledger: Ledger, session: tuple[UUID, Fence]) -> LedgerMeter:
    return LedgerMeter(ledger, session_id=session[0], fence=session[1], scopes=(STEP.scope, STEP.run_scope))


def test_every_call_is_in_every_scope_with_its_tokens_and_dollars(
    open_gateway: Open, ledger: Ledger, session: tuple[UUID, Fence], books: LedgerMeter
) -> None:
    gateway = open_gateway("small", books=books)
    client = anthropic_client(gateway)
    for _ in range(3):
        client.messages.create(**ASK)
    gateway.stop()
    for scope in (session[0], STEP.scope, STEP.run_scope):
        totals = ledger.session_totals(scope)
        assert (totals.calls, totals.usage) == (3, Usage(120, 30))
        assert totals.cost_usd == 3 * Decimal("0.00009")
    budget = ledger.budget(STEP.run_scope)
    assert budget is not None
    assert (budget.reserved_tokens, budget.reserved_usd, budget.spent_tokens) == (0, 0, 150)


def test_a_cap_in_the_ledger_holds_against_parallel_calls(
    open_gateway: Open, ledger: Ledger, books: LedgerMeter
) -> None:
    ledger.set_budget(STEP.run_scope, cap_usd=None, cap_tokens=300)
    gateway = open_gateway("slow", books=books)

    def call(_: int) -> int:
        answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(call, range(8)))
    gateway.stop()
    assert set(statuses) == {200, 400}
    assert ledger.session_totals(STEP.run_scope).usage.total == 50 * statuses.count(200) <= 300
    assert gateway.ended == "budget"
    assert STEP.run_scope in gateway.reason


def test_a_dollar_cap_alone_does_not_let_a_model_without_a_price_through(
    open_gateway: Open, ledger: Ledger, books: LedgerMeter
) -> None:
    ledger.set_budget(STEP.scope, cap_usd=Decimal(5), cap_tokens=None)
    gateway = open_gateway("small", books=books, model="my-model")
    with pytest.raises(
        anthropic.BadRequestError, match=r"bridle: budget: .*nobody knows what my-model costs"
    ):
        anthropic_client(gateway).messages.create(**ASK | {"model": "my-model"})


def test_a_stop_in_the_ledger_reaches_the_agent_with_its_next_call(
    open_gateway: Open, ledger: Ledger, books: LedgerMeter
) -> None:
    gateway = open_gateway("small", books=books)
    client = anthropic_client(gateway)
    client.messages.create(**ASK)
    ledger.request_stop(STEP.run_scope, "human:ada")
    with pytest.raises(anthropic.BadRequestError, match="bridle: stopped: human:ada asked run:issue_fix"):
        client.messages.create(**ASK)
    assert gateway.ended == "stopped"


def test_a_newer_attempt_ends_the_older_ones_calls(
    open_gateway: Open, ledger: Ledger, books: LedgerMeter
) -> None:
    ledger.take_step(attempt(2))
    with pytest.raises(anthropic.BadRequestError, match="bridle: stopped"):
        anthropic_client(open_gateway("small", books=books)).messages.create(**ASK)


class Away(Ledger):
    """A ledger that goes away between a reservation and its settlement."""

    away = True

    def settle(self, call_id: UUID, **fields: Any) -> tuple[BudgetWarning, ...]:
        if self.away:
            raise LedgerUnavailable("Postgres is away")
        return super().settle(call_id, **fields)


def test_a_settlement_that_finds_no_ledger_is_written_when_it_is_back(
    open_gateway: Open, ledger_url: str, ledger: Ledger, session: tuple[UUID, Fence]
) -> None:
    with Away(ledger_url) as away:
        books = LedgerMeter(away, session_id=session[0], fence=session[1], scopes=(STEP.run_scope,))
        gateway = open_gateway("small", books=books)
        assert anthropic_client(gateway).messages.create(**ASK).content[0].text == "ok"
        waiting = ledger.budget(STEP.run_scope)
        assert waiting is not None
        assert waiting.reserved_tokens > 50
        away.away = False
        gateway.stop()
    written = ledger.budget(STEP.run_scope)
    assert written is not None
    assert (written.reserved_tokens, written.spent_tokens) == (0, 50)
    assert ledger.session_totals(session[0]).usage == Usage(40, 10)


class Refusing(Ledger):
    """A ledger that does not understand settlements."""

    def settle(self, call_id: UUID, **fields: Any) -> tuple[BudgetWarning, ...]:
        raise ConfigError("no such function")


def test_a_settlement_that_can_never_be_written_stays_at_its_estimate_and_the_session_goes_on(
    open_gateway: Open, ledger_url: str, ledger: Ledger, session: tuple[UUID, Fence]
) -> None:
    with Refusing(ledger_url) as refusing:
        books = LedgerMeter(refusing, session_id=session[0], fence=session[1], scopes=(STEP.run_scope,))
        gateway = open_gateway("small", books=books)
        for _ in range(2):
            assert anthropic_client(gateway).messages.create(**ASK).content[0].text == "ok"
        gateway.stop()
    booked = ledger.budget(STEP.run_scope)
    assert booked is not None
    assert (booked.reserved_tokens > 2 * 50, booked.spent_tokens) == (True, 0)


def test_the_next_call_of_a_session_finds_the_one_before_settled(
    open_gateway: Open, ledger: Ledger, session: tuple[UUID, Fence], books: LedgerMeter
) -> None:
    """A cap that has room for one reservation beside what was really used, and not for two."""
    client = anthropic_client(open_gateway("small", books=books))
    client.messages.create(**ASK)
    with Queries(ledger.url) as rows:
        bound = rows.calls(session[0])[0].estimated_tokens
    assert bound > 2 * 50
    ledger.set_budget(STEP.run_scope, cap_usd=None, cap_tokens=10 * 50 + bound)
    for _ in range(9):
        client.messages.create(**ASK)


def test_80_percent_of_a_cap_are_told_of_once_while_the_session_runs(
    open_gateway: Open, ledger: Ledger, session: tuple[UUID, Fence]
) -> None:
    ledger.set_budget(STEP.run_scope, cap_usd=None, cap_tokens=1_000)
    told: list[BudgetWarning] = []
    books = LedgerMeter(
        ledger, session_id=session[0], fence=session[1], scopes=(STEP.run_scope,), on_warning=told.append
    )
    gateway = open_gateway("small", books=books)
    with pytest.raises(anthropic.BadRequestError, match="bridle: budget"):
        for _ in range(20):
            anthropic_client(gateway).messages.create(**ASK)
    gateway.stop()
    assert [(row.scope, row.spent_tokens, row.cap_tokens) for row in told] == [(STEP.run_scope, 800, 1_000)]
    assert str(told[0]) == f"the budget of {STEP.run_scope} is nearly spent: 800 of 1,000 tokens"
    row = ledger.budget(STEP.run_scope)
    assert row is not None
    assert row.warned_at is not None
