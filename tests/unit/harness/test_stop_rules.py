"""Whether a loop goes on: rules without a model, each with a reason for people."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bridle.harness.stop_rules import Decision, decide
from bridle.ledger.loops import LoopRow, RoundRow
from bridle.ledger.records import BudgetRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def loop(*, late: bool = False, **params: Any) -> LoopRow:
    terms = {"max_rounds": 10, "patience": 3, **params}
    return LoopRow(
        *("l", "goal_loop", "Build it.", "acme/board", "running", "", terms, "b", "c0", "c0"),
        opened_at=NOW,
        closed_at=None,
        deadline=NOW if late else None,
        late=late,
    )


def round_(
    number: int,
    *,
    passed: bool = False,
    failing: tuple[str, ...] = (),
    passing: tuple[str, ...] = (),
    moved: bool = True,
    **facts: Any,
) -> RoundRow:
    check = {"name": "tests", "passed": passed, "failing": list(failing), "passing": list(passing)}
    check["fingerprint"] = facts.pop("fingerprint", f"f{number}")
    known = {"decision": {}, "dispatched": [], "delivered": [], "checks": [check], "answer": {}, **facts}
    return RoundRow(
        loop_id="l",
        round=number,
        run_id=f"r{number}",
        base_commit=f"c{max(0, number - 1)}",
        head_commit=f"c{number}" if moved else f"c{max(0, number - 1)}",
        verdict="",
        reason="",
        tokens=0,
        cost_usd=None,
        opened_at=NOW,
        closed_at=None,
        **known,
    )


def after(*rounds: RoundRow, budget: BudgetRow | None = None, **terms: Any) -> Decision:
    return decide(loop(**terms), rounds, budget)


def spent(usd: str, cap: str | None = None, *, tokens: int = 1, cap_tokens: int | None = None) -> BudgetRow:
    return BudgetRow(
        "loop:l",
        cap_usd=None if cap is None else Decimal(cap),
        cap_tokens=cap_tokens,
        spent_usd=Decimal(usd),
        spent_tokens=tokens,
        calls=1,
    )


def test_a_round_that_does_not_reach_the_goal_is_followed_by_another() -> None:
    assert after(round_(0), round_(1)) == Decision("next", "not there yet: tests")


def test_the_loop_is_done_when_every_criterion_holds() -> None:
    assert after(round_(0), round_(1, passed=True)).verdict == "done"


def test_done_wins_over_every_stop_rule() -> None:
    rounds = (round_(0), round_(1, passed=True))
    assert after(*rounds, max_rounds=1, late=True, budget=spent("2", "1")).verdict == "done"


def test_criteria_that_held_at_the_start_need_the_orchestrators_word() -> None:
    start = round_(0, passed=True)
    assert after(start, round_(1, passed=True)).verdict == "next"
    assert after(start, round_(1, passed=True, decision={"done": True})).verdict == "done"


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("rounds: 1 are used up", {"max_rounds": 1}),
        ("deadline: it was 2026-11-22", {"late": True}),
        ("budget: $2.0000 of $2.0000 are spent", {"budget": spent("2", "2")}),
    ],
)
def test_what_was_given_is_used_up(reason: str, given: dict[str, Any]) -> None:
    decision = after(round_(0), round_(1), **given)
    assert decision.verdict == "stop"
    assert decision.reason.startswith(reason)
    assert "`bridle loop extend l" in decision.reason


@pytest.mark.parametrize(
    ("budget", "said", "remedy"),
    [
        (spent("2", "2", tokens=9, cap_tokens=10), "$2.0000 of $2.0000", "bridle loop extend l --budget N"),
        (
            spent("0.5", "2", tokens=1000, cap_tokens=1000),
            "1,000 of 1,000 tokens",
            "bridle loop extend l --tokens N",
        ),
        (
            spent("0.5", tokens=1001, cap_tokens=1000),
            "1,001 of 1,000 tokens",
            "bridle loop extend l --tokens N",
        ),
        (
            spent("2", "2", tokens=10, cap_tokens=10),
            "$2.0000 of $2.0000 and 10 of 10 tokens",
            "bridle loop extend l --budget N --tokens N",
        ),
    ],
    ids=["dollars", "tokens", "tokens without a cap in dollars", "both"],
)
def test_the_reason_names_the_cap_that_was_spent_and_what_raises_it(
    budget: BudgetRow, said: str, remedy: str
) -> None:
    decision = after(round_(0), round_(1), budget=budget)
    assert decision.reason == f"budget: {said} are spent. `{remedy}` and `bridle loop resume l` go on"


def test_a_budget_of_which_something_is_left_ends_nothing() -> None:
    assert after(round_(0), round_(1), budget=spent("1.9", "2", tokens=9, cap_tokens=10)).verdict == "next"


@pytest.mark.parametrize(
    ("cap", "said"),
    [("$1.0000 $0.1000", "$0.9000 of $1.0000 are"), ("1,000 tokens 10", "990 of 1,000 tokens are")],
)
def test_a_worker_whose_call_was_refused_for_the_loops_budget_ends_the_loop(cap: str, said: str) -> None:
    why = f"limit: the budget of loop:l is spent: of {cap} are left and the next call may take more."
    refused = {"title": "b", "status": "failed", "why": why}
    budget = spent("0.9", "1", tokens=990, cap_tokens=1000)
    decision = after(round_(0), round_(1, delivered=[refused]), budget=budget)
    assert decision.reason.startswith(f"budget: {said} spent. ")


def test_rounds_that_change_nothing_are_no_progress() -> None:
    empty = [round_(number, moved=False) for number in (1, 2, 3)]
    assert after(round_(0), *empty[:2]).verdict == "next"
    decision = after(round_(0), *empty)
    assert decision.verdict == "stop"
    assert (
        "no progress: 3 rounds in a row changed nothing (last: the orchestrator gave no task)"
        in decision.reason
    )


def test_rounds_that_leave_the_same_failures_are_no_progress() -> None:
    rounds = [round_(number, failing=("a", "b")) for number in range(4)]
    decision = after(*rounds)
    assert "no progress: 3 rounds in a row left the same failures: tests: a, tests: b" in decision.reason


def test_rounds_that_merge_something_and_leave_no_failure_go_on_until_the_orchestrator_is_done() -> None:
    """A goal in a repository whose checks were green before anything was done."""
    rounds = [round_(number, passed=True) for number in range(5)]
    assert after(*rounds).verdict == "next"
    assert after(*rounds, round_(5, passed=True, decision={"done": True})).verdict == "done"


def test_one_failure_less_is_progress() -> None:
    rounds = [round_(number, failing=("a", "b")) for number in range(3)]
    assert after(*rounds, round_(3, failing=("a",))).verdict == "next"


def test_a_test_that_goes_pass_fail_pass_is_flapping() -> None:
    rounds = (
        round_(0, failing=("b",)),
        round_(1, failing=("b",), passing=("a",)),
        round_(2, failing=("a", "b")),
        round_(3, failing=("b", "c"), passing=("a",)),
    )
    decision = after(*rounds)
    assert decision.verdict == "stop"
    assert "flapping: tests: a goes pass, fail, pass in rounds 1, 2 and 3" in decision.reason


def test_a_new_test_that_fails_before_it_passes_is_not_flapping() -> None:
    rounds = (
        round_(0, failing=("b",)),
        round_(1, failing=("a", "b")),
        round_(2, failing=("b",), passing=("a",)),
    )
    assert after(*rounds).verdict == "next"


def test_rounds_before_a_person_let_the_loop_go_on_count_no_more() -> None:
    rounds = [round_(number, failing=("a",)) for number in range(5)]
    assert after(*rounds).verdict == "stop"
    assert after(*rounds, counted_from=4).verdict == "next"


def test_doubts_are_what_a_person_may_want_to_look_at() -> None:
    left_out = {"title": "b", "status": "conflict", "why": "shared.txt"}
    decision = after(round_(0), round_(1, delivered=[left_out], decision={"done": True}))
    assert decision.doubts == ("b: conflict, shared.txt", "the orchestrator says done, the criteria do not")
