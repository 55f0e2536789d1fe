"""What a person does at a terminal with a loop; starting rounds needs an Airflow and is shown end to end."""

import json
from decimal import Decimal
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bridle.cli import app
from bridle.errors import InvalidInput
from bridle.ledger import loop_control
from bridle.ledger.store import Ledger

LOOP = "goal-board-20261122"


@pytest.fixture
def url(ledger: Ledger, ledger_url: str) -> str:
    """A ledger with a loop that has had one round."""
    ledger.open_loop(
        LOOP,
        dag_id="goal_loop",
        goal="Build a board.",
        repo="acme/board",
        base="a" * 40,
        branch="bridle/goal-1",
        params={"goal": "Build a board.", "max_rounds": 3},
        hours=None,
    )
    ledger.set_budget(f"loop:{LOOP}", cap_usd=Decimal(5), cap_tokens=None)
    row = ledger.open_round(LOOP, 1, run_id=f"{LOOP}-r1", base="a" * 40)
    delivered = [{"title": "The page", "status": "conflict", "why": "index.html: not settled"}]
    checks = [{"name": "tests", "passed": False}]
    row = ledger.note_round(row, decision={"why": "The page first."}, delivered=delivered, checks=checks)
    ledger.close_round(row, verdict="next", reason="not there yet: tests", tokens=10, cost_usd=Decimal(0))
    return ledger_url


class NoRuns:
    """An Airflow that knows no run of the loop."""

    def ended(self, dag_id: str, like: str) -> dict[str, bool]:
        return {}

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        pass


def bridle(url: str, *words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"BRIDLE_LEDGER_URL": url})


def test_a_loop_is_listed_and_its_rounds_are_told(url: str) -> None:
    assert f"{LOOP}  running" in bridle(url, "loop", "list").stdout
    told = bridle(url, "loop", "show", "board").stdout
    for part in (
        "1 of at most 3 rounds",
        "spent $0.0000 of $5.00",
        "round 1  next: not there yet: tests",
        "The page first.",
        "- The page: conflict, index.html: not settled",
        "tests: does not hold",
    ):
        assert part in told
    shown = json.loads(bridle(url, "loop", "show", LOOP, "--json").stdout)
    assert [turn["verdict"] for turn in shown["rounds"]] == ["next"]


def test_a_running_loop_is_paused_once(url: str, ledger: Ledger) -> None:
    assert bridle(url, "loop", "pause", LOOP).exit_code == 0
    assert ledger.loop(LOOP).state == "paused"
    again = bridle(url, "loop", "pause", LOOP)
    assert (again.exit_code, "only a running one can be paused" in again.stderr) == (1, True)


def test_a_loop_gets_more_rounds_money_and_time(url: str, ledger: Ledger) -> None:
    done = bridle(url, "loop", "extend", LOOP, "--rounds", "2", "--budget", "2.5", "--hours", "1")
    assert done.exit_code == 0, done.stderr
    loop, budget = ledger.loop(LOOP), ledger.budget(f"loop:{LOOP}")
    assert loop.params["max_rounds"] == 5
    assert loop.deadline is not None
    assert budget is not None
    assert budget.cap_usd == Decimal("7.5")
    assert loop.conf(2)["budget_usd"] == 7.5


def test_a_loop_whose_tokens_are_capped_gets_more_of_them(url: str, ledger: Ledger) -> None:
    uncapped = bridle(url, "loop", "extend", LOOP, "--tokens", "500", "--rounds", "2")
    assert uncapped.exit_code == 1
    assert f"no cap in tokens, so there is none to raise: `bridle budget loop:{LOOP}" in uncapped.stderr
    assert ledger.loop(LOOP).params["max_rounds"] == 3, "nothing was changed"
    ledger.set_budget(f"loop:{LOOP}", cap_usd=Decimal(5), cap_tokens=1000)
    done = bridle(url, "loop", "extend", LOOP, "--tokens", "500")
    assert done.exit_code == 0, done.stderr
    budget = ledger.budget(f"loop:{LOOP}")
    assert budget is not None
    assert (budget.cap_tokens, budget.cap_usd) == (1500, Decimal(5))
    assert str(budget.capped_by).startswith("human:")


def test_a_loop_that_is_done_cannot_be_stopped(url: str, ledger: Ledger) -> None:
    ledger.set_loop_state(LOOP, "done", "done_when holds")
    refused = bridle(url, "loop", "stop", LOOP)
    assert (refused.exit_code, f"loop {LOOP} is done: done_when holds" in refused.stderr) == (1, True)
    assert ledger.loop(LOOP).state == "done"
    ledger.verify(ledger.claim("x", "me", 9), [f"loop:{LOOP}"])


def test_a_loop_that_is_not_there_is_said(url: str) -> None:
    assert "there is no loop 'nobody'" in bridle(url, "loop", "show", "nobody").stderr


def test_a_loop_without_tokens_left_is_not_resumed_into_a_round_that_would_end_at_once(
    url: str, ledger: Ledger
) -> None:
    ledger.set_budget(f"loop:{LOOP}", cap_usd=Decimal(5), cap_tokens=0)
    with pytest.raises(InvalidInput, match=f"are spent, 0 of 0: `bridle loop extend {LOOP} --tokens"):
        loop_control.resume(ledger, ledger.loop(LOOP), NoRuns())
    ledger.set_budget(f"loop:{LOOP}", cap_usd=Decimal(5), cap_tokens=10)
    assert loop_control.resume(ledger, ledger.loop(LOOP), NoRuns()).started
