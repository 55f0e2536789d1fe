"""Caps hold, whoever calls at the same time; every call is in the books exactly once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

import pytest
from ledger_rows import make_attempt, make_call, make_start

from bridle.errors import BudgetSpent, ConfigError, FenceLost, StopRequested
from bridle.ledger.records import Allowances, Cap, Price, Usage
from bridle.ledger.store import Ledger
from patience import PATIENCE

RUN = "run:issue_fix/manual__1"


USAGE = Usage(40, 10)


def settle(ledger, call_id, *, usage=USAGE, amount=Decimal("0.004"), http_status=200, status="ok"):
    ledger.settle(
        call_id,
        usage=usage,
        price=Price(amount, source="test", version="1"),
        status=status,
        http_status=http_status,
        answered_model="small-1",
        latency_ms=12,
        first_byte_ms=3,
    )


def test_parallel_threads_never_overshoot_a_cap(ledger, ledger_url, opened):
    _, fence, session_id = opened
    ledger.set_budget(RUN, cap_usd=Decimal("0.10"), cap_tokens=None)

    def one(_):
        with Ledger(ledger_url) as mine:
            try:
                return mine.reserve(make_call(session_id, fence))
            except BudgetSpent as error:
                assert error.scope == RUN
                return None

    with ThreadPoolExecutor(6) as pool:
        granted = [call for call in pool.map(one, range(24)) if call]
    assert len(granted) == 10
    assert ledger.budget(RUN).reserved_usd == Decimal("0.10")
    for call in granted:
        settle(ledger, call)
    budget = ledger.budget(RUN)
    assert (budget.reserved_usd, budget.spent_usd, budget.spent_tokens) == (0, Decimal("0.04"), 500)


PROGRAM = """
import sys
from decimal import Decimal
from uuid import UUID
from bridle.errors import BudgetSpent
from bridle.ledger.records import CallRequest, Fence, Price, Usage
from bridle.ledger.store import Ledger
url, session, key, token, holder = sys.argv[1:]
ledger, granted = Ledger(url), 0
print("ready", flush=True)
sys.stdin.readline()
for _ in range(30):
    try:
        call = ledger.reserve(CallRequest(UUID(session), Fence(key, int(token), holder), ("day:2026-01-01",),
                                          "openai-chat", "m", 100, Decimal("0.01"), 10))
    except BudgetSpent:
        break
    granted += 1
    ledger.settle(call, usage=Usage(60, 40), price=Price(Decimal("0.01")), status="ok", http_status=200,
                  answered_model=None, latency_ms=1, first_byte_ms=None)
print(granted)
"""


def test_parallel_processes_never_overshoot_a_cap(ledger, ledger_url, opened, python):
    _, fence, session_id = opened
    ledger.set_budget("day:2026-01-01", cap_usd=None, cap_tokens=4_000)
    workers = [
        python(PROGRAM, ledger_url, session_id, fence.key, fence.token, fence.holder) for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert sum(int(worker.communicate(timeout=PATIENCE)[0]) for worker in workers) == 40
    assert ledger.budget("day:2026-01-01").spent_tokens == 4_000
    assert ledger.session_totals(session_id).usage.total == 4_000


def test_a_raised_cap_lets_the_next_call_through_and_a_lowered_one_does_not(ledger, opened):
    _, fence, session_id = opened
    scope = f"session:{session_id}"
    ledger.set_budget(scope, cap_usd=None, cap_tokens=150)
    settle(ledger, ledger.reserve(make_call(session_id, fence)), usage=Usage(90, 10))
    with pytest.raises(BudgetSpent, match=r"150 tokens 50 are left .* 100"):
        ledger.reserve(make_call(session_id, fence))
    ledger.set_budget(scope, cap_usd=None, cap_tokens=200)
    ledger.reserve(make_call(session_id, fence))
    ledger.set_budget(scope, cap_usd=None, cap_tokens=10)
    with pytest.raises(BudgetSpent):
        ledger.reserve(make_call(session_id, fence))


def test_session_step_run_and_all_count_without_being_named(ledger, opened):
    attempt, fence, session_id = opened
    settle(ledger, ledger.reserve(make_call(session_id, fence, scopes=("day:2026-01-01",))))
    for scope in (f"session:{session_id}", attempt.step.scope, RUN, "all", "day:2026-01-01"):
        assert ledger.budget(scope).spent_tokens == 50, scope


@pytest.mark.parametrize("amount", [{"estimated_tokens": -1}, {"estimated_usd": Decimal("-0.01")}])
def test_an_estimate_below_zero_is_no_way_around_a_cap(ledger, opened, amount):
    _, fence, session_id = opened
    with pytest.raises(ConfigError, match="neither can be negative"):
        ledger.reserve(make_call(session_id, fence, **amount))
    assert ledger.budget(RUN) is None


def test_a_refused_call_leaves_no_trace(ledger, opened):
    _, fence, session_id = opened
    ledger.set_budget(RUN, cap_usd=Decimal(0), cap_tokens=None)
    with pytest.raises(BudgetSpent):
        ledger.reserve(make_call(session_id, fence))
    assert ledger.session_totals(session_id).calls == 0
    assert ledger.budget(RUN).calls == 0


def test_settling_twice_counts_once(ledger, opened):
    _, fence, session_id = opened
    call = ledger.reserve(make_call(session_id, fence))
    settle(ledger, call)
    settle(ledger, call, usage=Usage(9_000, 9_000))
    assert ledger.session_totals(session_id).usage == Usage(40, 10)
    assert ledger.budget("all").spent_tokens == 50


def test_an_unknown_cost_is_unknown_and_the_cap_counts_its_estimate(ledger, opened):
    _, fence, session_id = opened
    settle(ledger, ledger.reserve(make_call(session_id, fence)))
    settle(ledger, ledger.reserve(make_call(session_id, fence)), amount=None)
    totals = ledger.session_totals(session_id)
    assert (totals.calls, totals.cost_usd, totals.unknown_calls) == (2, None, 1)
    assert ledger.budget("all").spent_usd == Decimal("0.014")


def test_a_call_whose_usage_nobody_reports_counts_with_its_estimate(ledger, opened):
    _, fence, session_id = opened
    settle(
        ledger,
        ledger.reserve(make_call(session_id, fence)),
        usage=None,
        amount=None,
        http_status=None,
        status="cut",
    )
    assert ledger.session_totals(session_id).usage == Usage()
    assert ledger.budget("all").spent_tokens == 100


@pytest.mark.parametrize("http_status", [401, 429, 529])
def test_what_the_provider_refused_was_not_billed(ledger, opened, http_status):
    _, fence, session_id = opened
    call = ledger.reserve(make_call(session_id, fence))
    settle(ledger, call, usage=None, amount=None, http_status=http_status, status="error")
    totals = ledger.session_totals(session_id)
    assert (totals.calls, totals.cost_usd, totals.unknown_calls) == (1, 0, 0)
    assert ledger.budget("all").spent_tokens == ledger.budget("all").reserved_tokens == 0


def test_a_dollar_cap_alone_refuses_a_model_without_a_price(ledger, opened):
    _, fence, session_id = opened
    ledger.set_budget(RUN, cap_usd=Decimal(5), cap_tokens=None)
    with pytest.raises(BudgetSpent, match="nobody knows what small costs"):
        ledger.reserve(make_call(session_id, fence, estimated_usd=None))
    ledger.set_budget(RUN, cap_usd=Decimal(5), cap_tokens=1_000)
    ledger.reserve(make_call(session_id, fence, estimated_usd=None))


def test_calls_that_a_closed_session_never_settled_are_spent_until_corrected(ledger, opened):
    _, fence, session_id = opened
    call = ledger.reserve(make_call(session_id, fence))
    ledger.close_session(session_id, outcome="failed", reason="killed")
    budget = ledger.budget("all")
    assert (budget.reserved_tokens, budget.spent_tokens) == (0, 100)
    assert ledger.session_totals(session_id).cost_usd is None
    settle(ledger, call)
    assert ledger.budget("all").spent_tokens == 50
    assert ledger.session_totals(session_id).cost_usd == Decimal("0.004")


@pytest.mark.parametrize("scope", ["all", RUN, "step:issue_fix/manual__1/implement", "loop:7", "session"])
def test_a_stop_ends_calls_and_further_writes_until_it_is_cleared(ledger, opened, scope):
    _, fence, session_id = opened
    scope = f"session:{session_id}" if scope == "session" else scope
    ledger.request_stop(scope, "human:ada")
    with pytest.raises(StopRequested, match="human:ada"):
        ledger.reserve(make_call(session_id, fence, scopes=("loop:7",)))
    with pytest.raises(StopRequested):
        ledger.verify(fence, ("loop:7", f"session:{session_id}"))
    ledger.clear_stop(scope)
    ledger.verify(fence, ("loop:7", f"session:{session_id}"))
    ledger.reserve(make_call(session_id, fence, scopes=("loop:7",)))


def test_another_run_goes_on_when_one_is_stopped(ledger, opened):
    _, fence, session_id = opened
    ledger.request_stop("run:issue_fix/manual__2", "human:ada")
    ledger.verify(fence)
    ledger.reserve(make_call(session_id, fence))


def test_neither_an_old_attempt_nor_a_closed_session_may_call_a_model(ledger, opened):
    _, fence, session_id = opened
    newer = make_attempt(2)
    new_fence = ledger.take_step(newer)
    with pytest.raises(FenceLost):
        ledger.reserve(make_call(session_id, fence))
    new_id = ledger.open_session(make_start(newer, new_fence))
    ledger.close_session(new_id, outcome="done")
    with pytest.raises(FenceLost, match="closed as done"):
        ledger.reserve(make_call(new_id, new_fence))


def test_wrong_input_says_what_is_right(ledger, opened):
    _, fence, session_id = opened
    with pytest.raises(ConfigError, match="is no scope"):
        ledger.set_budget("runs/7", cap_usd=None, cap_tokens=1)
    with pytest.raises(ConfigError, match="negative"):
        ledger.set_budget("all", cap_usd=Decimal(-1), cap_tokens=None)
    with pytest.raises(ConfigError, match="not in this ledger"):
        ledger.reserve(make_call(uuid4(), fence))
    with pytest.raises(ConfigError, match="never reserved"):
        settle(ledger, uuid4())
    with pytest.raises(ConfigError, match="EUR"):
        ledger.settle(
            ledger.reserve(make_call(session_id, fence)),
            usage=Usage(),
            price=Price(Decimal(1), "EUR"),
            status="ok",
            http_status=200,
            answered_model=None,
            latency_ms=1,
            first_byte_ms=None,
        )


def test_a_first_cap_is_set_once_and_a_persons_later_one_stays(ledger, opened):
    attempt, fence, session_id = opened
    ledger.reserve(make_call(session_id, fence))
    ledger.open_budgets(attempt, Allowances(run=Cap(usd=Decimal(1))))
    assert ledger.budget(RUN).cap_usd == 1
    ledger.set_budget(RUN, cap_usd=Decimal(5), cap_tokens=None)
    ledger.open_budgets(attempt, Allowances(run=Cap(usd=Decimal(1))))
    assert ledger.budget(RUN).cap_usd == 5
    assert ledger.budget(RUN).reserved_tokens == 100
