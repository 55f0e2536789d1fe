"""What a person sees of a spec at a terminal, and how a blocked task is let go."""

import json

from click.testing import Result
from typer.testing import CliRunner

from bridle.cli import app
from bridle.ledger.records import StepKey
from bridle.ledger.store import Ledger
from bridle.ledger.tasks import BLOCKED, SeenTask

SPEC = "acme/widgets:PLAN.md"


def bridle(url: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["spec", *words], env={"BRIDLE_LEDGER_URL": url, "COLUMNS": "140"})


def test_tasks_are_shown_with_what_became_of_them_and_a_blocked_one_can_be_tried_again(
    ledger: Ledger, ledger_url: str
) -> None:
    seen = [SeenTask("T001", "Sing", "w", True), SeenTask("T002", "Dance [now]", "w", False)]
    ledger.spec_seen(SPEC, seen)
    run = StepKey("spec_routine", "run-1", "land")
    ledger.set_task(SPEC, "T002", BLOCKED, run=run, reason="check 'tests' fails", failed=2)
    shown = bridle(ledger_url)
    assert shown.exit_code == 0
    assert "acme/widgets:PLAN.md: 1 of 2 done" in shown.stdout
    for word in ("T001", "done", "blocked", "Dance [now]", "run-1", "T002: check 'tests' fails"):
        assert word in shown.stdout
    bridle(ledger_url, SPEC, "--retry", "T002")
    rows = json.loads(bridle(ledger_url, SPEC, "--json").stdout)
    assert [(row["key"], row["state"], row["attempts"]) for row in rows] == [
        ("T001", "done", 0),
        ("T002", "open", 0),
    ]


def test_an_unknown_spec_or_task_is_said_with_those_that_are_known(ledger: Ledger, ledger_url: str) -> None:
    assert "known are: none" in bridle(ledger_url).stderr
    ledger.spec_seen(SPEC, [SeenTask("T001", "Sing", "w", False)])
    assert f"known are: {SPEC}" in bridle(ledger_url, "other").stderr
    assert (
        "'T001' of acme/widgets:PLAN.md is open; only" in bridle(ledger_url, SPEC, "--retry", "T001").stderr
    )
    assert "no task 'T009'" in bridle(ledger_url, SPEC, "--retry", "T009").stderr
