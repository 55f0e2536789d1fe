"""What is set when a step begins, what a person changes, what holds from day to day, and when it is told."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from ledger_rows import make_call

from bridle.errors import BudgetSpent, ConfigError, StopRequested
from bridle.ledger.records import Allowances, Cap, Price, Usage

RUN = "run:issue_fix/manual__1"
STEP = "step:issue_fix/manual__1/implement"


def spend(ledger, session_id, fence, tokens=100):
    """One call that is settled with all it was allowed; returns the warnings."""
    return ledger.settle(
        ledger.reserve(make_call(session_id, fence, estimated_tokens=tokens)),
        usage=Usage(tokens, 0),
        price=Price(Decimal("0.01")),
        status="ok",
        http_status=200,
        answered_model=None,
        latency_ms=1,
        first_byte_ms=1,
    )


def today():
    return f"day:{datetime.now(UTC):%Y-%m-%d}"


def test_a_step_is_allowed_its_cap_in_each_generation_and_retries_share_it(ledger, opened):
    attempt, fence, session_id = opened
    allowed = Allowances(step=Cap(tokens=150))
    ledger.open_budgets(attempt, allowed)
    spend(ledger, session_id, fence)
    ledger.open_budgets(replace(attempt, try_number=2), allowed)
    with pytest.raises(BudgetSpent, match="allowed as much again"):
        spend(ledger, session_id, fence)
    ledger.open_budgets(replace(attempt, generation=3), allowed)
    spend(ledger, session_id, fence)
    assert ledger.budget(STEP).cap_tokens == 100 + 150


def test_what_a_person_has_set_stays_whatever_begins_later(ledger, opened):
    attempt, _, _ = opened
    allowed = Allowances(run=Cap(usd=Decimal(1)), step=Cap(tokens=150))
    ledger.open_budgets(attempt, allowed)
    ledger.change_budget(RUN, cap_usd=Decimal(5), cap_tokens=None, by="human:ada")
    ledger.change_budget(STEP, cap_usd=None, cap_tokens=900, by="human:ada")
    ledger.open_budgets(replace(attempt, generation=3), allowed)
    assert (ledger.budget(RUN).cap_usd, ledger.budget(RUN).capped_by) == (5, "human:ada")
    assert ledger.budget(STEP).cap_tokens == 900


def test_a_step_that_a_person_has_capped_is_not_told_that_clearing_helps(ledger, opened):
    _, fence, session_id = opened
    ledger.change_budget(STEP, cap_usd=None, cap_tokens=50, by="human:ada")
    with pytest.raises(BudgetSpent, match=f"To go on, raise it .*bridle budget '{STEP}'"):
        spend(ledger, session_id, fence)


def test_what_every_day_may_cost_is_the_files_and_nobody_elses(ledger):
    """The next step to begin would take it back without a word."""
    for scope in ("day:*", "day:*/issue_fix"):
        with pytest.raises(ConfigError, match=r"set in roles\.yaml"):
            ledger.change_budget(scope, cap_usd=Decimal(1), cap_tokens=None, by="human:ada")


def test_every_day_has_the_cap_of_roles_yaml_unless_a_person_has_given_it_its_own(ledger, opened):
    attempt, fence, session_id = opened
    ledger.open_budgets(attempt, Allowances(day=Cap(tokens=500), dag_day=Cap(tokens=150)))
    spend(ledger, session_id, fence)
    with pytest.raises(BudgetSpent, match=f"the budget of {today()}/issue_fix is spent: of 150 tokens 50"):
        spend(ledger, session_id, fence)
    ledger.change_budget(f"{today()}/issue_fix", cap_usd=None, cap_tokens=1_000, by="human:ada")
    for _ in range(4):
        spend(ledger, session_id, fence)
    with pytest.raises(BudgetSpent, match=f"the budget of {today()} is spent") as spent:
        spend(ledger, session_id, fence)
    assert spent.value.scope == today()
    ledger.open_budgets(attempt, Allowances(day=Cap(tokens=600)))  # the file was edited, and a step began
    spend(ledger, session_id, fence)
    assert ledger.budget(f"{today()}/issue_fix").cap_tokens == 1_000


def test_80_percent_are_told_of_once_and_again_when_the_cap_was_raised(ledger, opened):
    _, fence, session_id = opened
    ledger.set_budget(RUN, cap_usd=Decimal(1), cap_tokens=1_000)
    assert spend(ledger, session_id, fence, 400) == ()
    (first,) = spend(ledger, session_id, fence, 400)
    assert first.spent_tokens == 800
    assert ledger.budget(RUN).warned_at is not None
    assert spend(ledger, session_id, fence) == ()
    ledger.change_budget(RUN, cap_usd=None, cap_tokens=1_100, by="human:ada")
    (warning,) = spend(ledger, session_id, fence)
    assert (warning.scope, warning.spent_tokens, warning.cap_tokens) == (RUN, 1_000, 1_100)
    assert str(warning) == (
        f"the budget of {RUN} is nearly spent: $0.0400 of $1.0000 and 1,000 of 1,100 tokens"
    )


@pytest.mark.parametrize("of", ["", "/issue_fix"])
def test_a_stop_of_today_stops_what_works_today(ledger, opened, of):
    _, fence, session_id = opened
    ledger.request_stop(f"{today()}/another", "human:ada")
    ledger.verify(fence)
    ledger.request_stop(f"{today()}{of}", "human:ada")
    with pytest.raises(StopRequested):
        ledger.verify(fence)
    with pytest.raises(StopRequested, match="bridle resume"):
        spend(ledger, session_id, fence)
