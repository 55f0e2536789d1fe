"""What a run's page tells of an outside write."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from bridle.dashboard.spans import of_effect
from bridle.ledger.effects import Receipt
from bridle.ledger.records import Attempt, EffectRow, Fence, StepKey

NOW = datetime(2026, 11, 27, tzinfo=UTC)
COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("told", "commit"), [({"commit": COMMIT, "made": True}, COMMIT), ({"number": 1}, None)]
)
def test_a_push_names_its_commit_and_what_is_no_push_names_none(told, commit):
    attempt = Attempt(StepKey("issue_fix", "run", "open_pull_request"), "ti", 1, 0)
    row = EffectRow(
        key="push:demo#1",
        version="v",
        kind="push",
        target="demo:bridle/issue-1",
        state="done",
        attempt=attempt,
        fence=Fence(attempt.step.scope, 1, "ti"),
        intended_at=NOW,
        done_at=NOW,
        receipt=asdict(Receipt(version="v", data=told)),
        why="",
    )
    assert of_effect(row).commit == commit
