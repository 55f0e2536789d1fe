"""Rows that ledger tests need."""

from decimal import Decimal
from uuid import UUID

from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, CallRequest, Fence, SessionStart, StepKey

STEP = StepKey("issue_fix", "manual__1", "implement")


def make_attempt(number: int = 1, *, step: StepKey = STEP, generation: int = 0) -> Attempt:
    """A try of a step, newer than all that were made before it."""
    return Attempt(step, str(new_id()), number, generation)


def make_start(attempt: Attempt, fence: Fence, **changes: object) -> SessionStart:
    """A session about to begin."""
    values = {
        "round": 1,
        "role": "implementer",
        "agent": "api",
        "model": "small",
        "provider": "anthropic",
        "dialect": "anthropic-messages",
        "repo": "demo",
        "base_commit": "a" * 40,
        "isolation": "none",
        "prompt": "Fix it.",
        "prompt_digest": "d",
        "limits": {"turns": 3},
    }
    return SessionStart(attempt, fence, **{**values, **changes})


def make_call(session_id: UUID, fence: Fence, **changes: object) -> CallRequest:
    """A call that may take 100 tokens and one cent."""
    values = {
        "scopes": (),
        "dialect": "anthropic-messages",
        "model": "small",
        "estimated_tokens": 100,
        "estimated_usd": Decimal("0.01"),
        "request_bytes": 400,
    }
    return CallRequest(session_id, fence, **{**values, **changes})
