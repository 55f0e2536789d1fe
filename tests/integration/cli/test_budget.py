"""What a person does at a terminal when a run has stopped for want of money, or of certainty."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bridle.cli import app
from bridle.errors import BudgetSpent, EffectUncertain
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, CallRequest, Fence, SessionStart, StepKey
from bridle.ledger.store import Ledger

STEP = StepKey("issue_fix", "manual__1", "implement")
ATTEMPT = Attempt(STEP, str(new_id()), 1, 0)
KEY = "comment:demo#7"


def bridle(url: str, *words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"BRIDLE_LEDGER_URL": url})


def start(fence: Fence) -> SessionStart:
    plain = ("role", "agent", "model", "provider", "dialect", "isolation", "prompt", "prompt_digest")
    return SessionStart(
        attempt=ATTEMPT,
        fence=fence,
        round=1,
        repo=None,
        base_commit=None,
        limits={},
        **dict.fromkeys(plain, "x"),
    )


def test_a_run_whose_budget_is_spent_goes_on_once_it_is_raised(ledger: Ledger, ledger_url: str) -> None:
    fence = ledger.take_step(ATTEMPT)
    session_id = ledger.open_session(start(fence))
    ledger.set_budget(STEP.run_scope, cap_usd=Decimal(1), cap_tokens=100)
    call = CallRequest(session_id, fence, (), "anthropic-messages", "m", 80, Decimal("0.5"), 10)
    ledger.reserve(call)
    with pytest.raises(BudgetSpent, match=f"bridle budget '{STEP.run_scope}' --usd"):
        ledger.reserve(call)
    raised = bridle(ledger_url, "budget", STEP.run_scope, "--tokens", "200")
    assert raised.exit_code == 0
    assert "clear the task" in raised.stderr
    ledger.reserve(call)
    shown = json.loads(bridle(ledger_url, "budget", STEP.run_scope, "--json").stdout)
    assert (shown["cap_tokens"], Decimal(shown["cap_usd"]), shown["reserved_tokens"]) == (200, 1, 160)
    assert (
        "cap $1.0000, spent $0.0000, reserved $1.0000" in bridle(ledger_url, "budget", STEP.run_scope).stdout
    )


def test_the_message_of_a_sessions_own_limit_names_the_file_with_that_limit(ledger: Ledger) -> None:
    fence = ledger.take_step(replace(ATTEMPT, ti_id=str(new_id())))
    session_id = ledger.open_session(start(fence))
    ledger.set_budget(f"session:{session_id}", cap_usd=None, cap_tokens=1)
    with pytest.raises(BudgetSpent, match=r"roles\.yaml"):
        ledger.reserve(CallRequest(session_id, fence, (), "anthropic-messages", "m", 80, None, 10))


def test_without_a_name_it_shows_whatever_is_capped_or_stopped_and_changes_nothing(
    ledger: Ledger, ledger_url: str
) -> None:
    ledger.set_budget(STEP.run_scope, cap_usd=Decimal(1), cap_tokens=None)
    assert bridle(ledger_url, "stop", "loop:7").stdout == "Stopped: loop:7\n"
    shown = json.loads(bridle(ledger_url, "budget", "--json").stdout)
    assert [row["scope"] for row in shown] == ["loop:7", STEP.run_scope]
    assert bridle(ledger_url, "resume", "loop:7").exit_code == 0
    assert STEP.run_scope in bridle(ledger_url, "budget").stdout
    assert "loop:7" not in bridle(ledger_url, "budget").stdout
    assert bridle(ledger_url, "budget", "--usd", "3").exit_code == 1


def test_a_scope_that_was_never_capped_is_shown_and_a_negative_cap_refused(ledger_url: str) -> None:
    shown = bridle(ledger_url, "budget", "all")
    assert "no cap, spent 0" in shown.stdout
    assert bridle(ledger_url, "budget", "all", "--usd", "-1").exit_code == 1


@pytest.mark.parametrize(("words", "writes"), [(("--done", "https://x/1"), 0), (("--not-done",), 1)])
def test_a_person_says_whether_an_uncertain_write_happened(
    ledger: Ledger, ledger_url: str, words: tuple[str, ...], writes: int
) -> None:
    made: list[str] = []

    def act() -> Receipt:
        made.append("one")
        return Receipt("v1")

    def cannot_tell() -> Receipt | None:
        raise EffectUncertain("503")

    def do(generation: int, lookup: object) -> Receipt:
        attempt = Attempt(STEP, str(new_id()), 1, generation)
        fence = ledger.take_step(attempt)
        return perform(
            ledger,
            attempt,
            fence,
            key=KEY,
            version="v1",
            kind="comment",
            target="demo#7",
            lookup=lookup,
            act=act,
        )

    with pytest.raises(EffectUncertain):
        do(0, cannot_tell)
    with pytest.raises(EffectUncertain, match=f"bridle resolve '{KEY}'"):
        do(1, lambda: None)
    assert bridle(ledger_url, "resolve", KEY, *words).exit_code == 0
    do(2, lambda: None)
    assert len(made) == writes


@pytest.mark.parametrize("words", [("--done", "u", "--not-done"), (), ("--not-done",)])
def test_what_is_not_uncertain_or_not_said_clearly_is_refused(
    ledger_url: str, words: tuple[str, ...]
) -> None:
    refused = bridle(ledger_url, "resolve", "nothing", *words)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("bridle: ")
