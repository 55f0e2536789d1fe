"""A session's page says why it began where it did, what was reused and what was repeated."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from bridle.dashboard.spans import why
from bridle.ledger.records import Attempt, Fence, SessionRow, StepKey

BASE, CHECKPOINT = "a" * 40, "c" * 40
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def session(*, try_number: int = 1, round: int = 1, **changes: object) -> SessionRow:
    values = dict.fromkeys(SessionRow.__dataclass_fields__, "")
    values |= {
        "id": uuid4(),
        "attempt": Attempt(StepKey("issue_fix", "r", "fix"), "ti", try_number, 0),
        "fence": Fence("step", 1, "ti"),
        "round": round,
        "base_commit": BASE,
        "resumed_from": None,
        "opened_at": NOW,
        "checkpoint": None,
        "transcript_ref": None,
    }
    return SessionRow(**values | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (session(), ""),
        (session(try_number=2), "Try 2 found nothing to go on from: it began at aaaaaaaaaa."),
        (
            session(round=2),
            "Round 2 is a fresh session: the check of round 1 failed. Reused: its commit aaaaaaaaaa",
        ),
        (
            session(round=2, try_number=2),
            "Round 2 is a fresh session: the check of round 1 failed. Reused: its commit",
        ),
    ],
)
def test_one_that_goes_on_from_no_other_says_what_it_began_with(row: SessionRow, said: str) -> None:
    assert why(row, None).startswith(said)
    assert ("began it anew" in why(row, None)) is (row.round == row.attempt.try_number == 2)


@pytest.mark.parametrize(
    ("before", "model", "reused", "repeated"),
    [
        ({}, "", "nothing: it had kept nothing yet", "all of it"),
        (
            {"checkpoint": CHECKPOINT, "transcript_ref": "t"},
            "",
            "the files of its checkpoint cccccccccc and its transcript",
            "what it did after that, and the call that was under way",
        ),
        (
            {"checkpoint": CHECKPOINT, "transcript_ref": "t"},
            "another",
            "the files of its checkpoint cccccccccc",
            "what it did after that, and the call that was under way; another model reads the work anew",
        ),
    ],
)
def test_one_that_goes_on_says_what_was_reused_and_what_repeated(
    before: dict[str, str], model: str, reused: str, repeated: str
) -> None:
    lost = session(outcome="lost", **before)
    row = session(try_number=2, resumed_from=lost.id, model=model)
    assert why(row, lost) == (
        f"Round 1 went on from a session that ended as lost. Reused: {reused}. Repeated: {repeated}."
    )
