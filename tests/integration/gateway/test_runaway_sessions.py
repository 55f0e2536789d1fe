"""A model that never ends is ended by whichever cap is reached first, and nothing is spent past it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import anthropic
import httpx
import pytest
from gateway_helpers import ASK, PATIENT, Open, anthropic_client, post, shown

from bridle.errors import BudgetSpent
from bridle.gateway.budget import LedgerMeter, MemoryMeter
from bridle.harness.insistence import watch_refusals
from bridle.ledger.ids import new_id
from bridle.ledger.records import Allowances, Attempt, Cap, Fence, StepKey
from bridle.ledger.store import Ledger
from bridle.testing.ledger import session_start
from bridle.testing.model_server import ModelServer

ATTEMPT = Attempt(StepKey("goal_loop", "manual__1", "work"), str(new_id()), 1, 0, loop_id="7", loop_round=1)
USED_TOKENS, USED_USD = 50, Decimal("0.00009")
"""Of each call of the script `small`."""
CAPS = {"tokens": Cap(tokens=1_000), "usd": Cap(usd=Decimal("0.002"))}


def open_session(ledger: Ledger, attempt: Attempt = ATTEMPT) -> tuple[UUID, Fence]:
    fence = ledger.take_step(attempt)
    return ledger.open_session(session_start(attempt, fence)), fence


def books(ledger: Ledger, session_id: UUID, fence: Fence) -> LedgerMeter:
    return LedgerMeter(ledger, session_id=session_id, fence=fence, scopes=("loop:7",))


def cap_all(ledger: Ledger, cap: Cap) -> None:
    ledger.set_budget("all", cap_usd=cap.usd, cap_tokens=cap.tokens)


SCOPES: dict[str, Callable[[Ledger, UUID, Cap], object]] = {
    "session:{session}": lambda ledger, session, cap: ledger.set_budget(
        f"session:{session}", cap_usd=cap.usd, cap_tokens=cap.tokens
    ),
    "step:goal_loop/manual__1/work": lambda ledger, _, cap: ledger.open_budgets(
        ATTEMPT, Allowances(step=cap)
    ),
    "run:goal_loop/manual__1": lambda ledger, _, cap: ledger.open_budgets(ATTEMPT, Allowances(run=cap)),
    "loop:7": lambda ledger, _, cap: ledger.open_budgets(ATTEMPT, Allowances(loop=cap)),
    "day:{today}": lambda ledger, _, cap: ledger.open_budgets(ATTEMPT, Allowances(day=cap)),
    "day:{today}/goal_loop": lambda ledger, _, cap: ledger.open_budgets(ATTEMPT, Allowances(dag_day=cap)),
    "all": lambda ledger, _, cap: cap_all(ledger, cap),
}


@pytest.mark.parametrize("kind", CAPS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_runaway_is_stopped_by_the_cap_of_each_scope_and_told_how_to_go_on(
    open_gateway: Open, ledger: Ledger, model_server: ModelServer, scope: str, kind: str
) -> None:
    """Spent is at most the cap, and short of it by less than the bound of one call."""
    session_id, fence = open_session(ledger)
    SCOPES[scope](ledger, session_id, CAPS[kind])
    gateway = open_gateway("small", books=books(ledger, session_id, fence))
    client = anthropic_client(gateway, retries=4)
    calls = 0
    with pytest.raises(anthropic.BadRequestError, match="bridle: budget") as refused:
        for _ in range(60):
            client.messages.create(**ASK)
            calls += 1
    asked = len(model_server.requests())
    with pytest.raises(anthropic.BadRequestError, match="bridle: budget"):
        client.messages.create(**ASK)
    gateway.stop()
    assert len(model_server.requests()) == asked, "nothing keeps calling"
    name = scope.format(session=session_id, today=f"{datetime.now(UTC):%Y-%m-%d}")
    assert gateway.spent_scope == name
    assert "To go on, " in str(refused.value)
    assert "clear the task" in str(refused.value)
    row = ledger.budget(name)
    assert row is not None
    assert (row.spent_tokens, row.spent_usd) == (calls * USED_TOKENS, calls * USED_USD)
    assert (row.reserved_tokens, row.reserved_usd) == (0, 0)
    bound = 4 * USED_TOKENS, Decimal("0.0006")  # of one of these requests
    if row.cap_tokens is not None:
        assert row.cap_tokens - bound[0] < row.spent_tokens <= row.cap_tokens
    if row.cap_usd is not None:
        assert row.cap_usd - bound[1] < row.spent_usd <= row.cap_usd


def test_sessions_side_by_side_never_pass_their_common_cap(
    open_gateway: Open, ledger: Ledger, model_server: ModelServer
) -> None:
    """Eight runaways, each with a gateway of its own, three calls at a time each."""
    cap = 10_000
    attempts = [replace(ATTEMPT, step=replace(ATTEMPT.step, map_index=n)) for n in range(8)]
    sessions = [open_session(ledger, attempt) for attempt in attempts]
    ledger.open_budgets(attempts[0], Allowances(loop=Cap(tokens=cap)))
    gateways = [open_gateway("small", books=books(ledger, *session)) for session in sessions]

    def run_away(gateway: Any) -> int:
        with httpx.Client(headers=shown(gateway), timeout=PATIENT) as agent:
            done = 0
            while agent.post(f"{gateway.url}/v1/messages", json=ASK).status_code == 200:
                done += 1
            return done

    with ThreadPoolExecutor(24) as pool:
        done = list(pool.map(run_away, gateways * 3))
    for gateway in gateways:
        gateway.stop()
    row = ledger.budget("loop:7")
    assert row is not None
    assert row.spent_tokens == sum(done) * USED_TOKENS <= cap
    assert row.reserved_tokens == 0
    assert all(gateway.spent_scope == "loop:7" for gateway in gateways)
    # a session gives up when its call does not fit beside those of the others that are under way
    assert row.spent_tokens > cap // 2


def test_an_agent_that_goes_on_after_the_refusal_is_ended(open_gateway: Open) -> None:
    gateway = open_gateway("small", books=MemoryMeter(cap_tokens=1))
    stop = threading.Event()
    with watch_refusals(gateway, session="s", stop=stop) as watcher:
        assert not stop.wait(1.5), "a session without a refusal goes on"
        assert post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway)).status_code == 400
        assert stop.wait(PATIENT)
    assert isinstance(watcher.halted, BudgetSpent)
