"""Loops and their rounds in the ledger."""

from decimal import Decimal

import pytest

from bridle.errors import ConfigError


def open_loop(ledger, name="loop-1", hours=None):
    return ledger.open_loop(
        name,
        dag_id="goal_loop",
        goal="Build it.",
        repo="acme/board",
        base="a" * 40,
        branch="bridle/goal-1",
        params={"max_rounds": 3},
        hours=hours,
    )


def test_a_loop_is_opened_once_and_starts_where_it_was_opened(ledger):
    first = open_loop(ledger)
    ledger.advance_loop("loop-1", "b" * 40)
    again = open_loop(ledger)
    assert (first.state, first.head_commit, first.deadline, first.late) == ("running", "a" * 40, None, False)
    assert (again.head_commit, again.opened_at) == ("b" * 40, first.opened_at)


def test_the_facts_of_a_round_are_whole_however_many_tests_failed(ledger):
    open_loop(ledger)
    row = ledger.open_round("loop-1", 1, run_id="loop-1-r1", base="a" * 40)
    names = [f"tests/test_board.py::test_number_{number:03}_{'x' * 80}" for number in range(200)]
    checks = [{"name": name, "passed": False, "failing": names, "passing": names} for name in ("a", "b", "c")]
    tasks = [{"title": str(number), "prompt": "p" * 15_000} for number in range(10)]
    noted = ledger.note_round(row, checks=checks, dispatched=tasks)
    assert (noted.checks, noted.dispatched) == (checks, tasks)


def test_a_deadline_is_judged_by_the_databases_clock_and_can_be_moved(ledger):
    assert open_loop(ledger, hours=0).late
    assert not ledger.extend_loop("loop-1", hours=1).late


def test_a_loop_can_be_given_more_rounds(ledger):
    open_loop(ledger)
    assert ledger.extend_loop("loop-1", rounds=2).params["max_rounds"] == 5


def test_a_larger_budget_counts_for_each_further_round_too(ledger):
    open_loop(ledger)
    assert ledger.extend_loop("loop-1", budget_usd=Decimal("7.5")).conf(2)["budget_usd"] == 7.5


def test_the_run_of_a_round_gets_another_name_where_one_that_never_began_has_it(ledger):
    loop = open_loop(ledger)
    assert loop.run_id(2) == "loop-1-r2"
    assert loop.run_id(2, taken={"loop-1-r2", "loop-1-r2-2"}) == "loop-1-r2-3"


def test_an_ended_loop_says_why_and_goes_on_again(ledger):
    open_loop(ledger)
    ledger.set_loop_state("loop-1", "stopped", "its rounds are used up")
    stopped = ledger.loop("loop-1")
    assert (stopped.state, stopped.reason) == ("stopped", "its rounds are used up")
    assert stopped.closed_at is not None
    ledger.set_loop_state("loop-1", "running")
    assert ledger.loop("loop-1").closed_at is None
    assert [row.id for row in ledger.loops(state="running")] == ["loop-1"]


def test_a_round_is_opened_once_by_one_run_and_keeps_what_is_noted(ledger):
    open_loop(ledger)
    row = ledger.open_round("loop-1", 1, run_id="r1", base="a" * 40)
    ledger.note_round(row, decision={"done": False}, dispatched=[{"title": "one"}])
    row = ledger.note_round(
        ledger.open_round("loop-1", 1, run_id="r1", base="x"), delivered=[], head="c" * 40
    )
    assert (row.decision, row.dispatched, row.base_commit) == ({"done": False}, [{"title": "one"}], "a" * 40)
    ledger.close_round(row, verdict="next", reason="tests fail", tokens=12, cost_usd=Decimal("0.5"))
    (closed,) = ledger.rounds("loop-1")
    assert (closed.verdict, closed.tokens, closed.cost_usd) == ("next", 12, Decimal("0.5"))
    with pytest.raises(ConfigError, match="is the run r1, not r2"):
        ledger.open_round("loop-1", 1, run_id="r2", base="a" * 40)


def test_a_loop_that_is_not_there_is_said(ledger):
    with pytest.raises(ConfigError, match="no loop 'nobody'"):
        ledger.loop("nobody")
