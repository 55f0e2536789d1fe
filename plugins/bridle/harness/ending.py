"""How a session ended, in the words of the ledger and of Airflow."""

from bridle.agents.base import Outcome, SessionResult
from bridle.errors import (
    BridleError,
    BudgetSpent,
    ConfigError,
    CredentialError,
    FenceLost,
    InvalidInput,
    ProviderDown,
    SessionFailed,
    SessionLost,
    StopRequested,
)
from bridle.gateway.server import Gateway

KEPT = (
    "Its work is kept: raise the limit (a session's in roles.yaml, a run's with `bridle budget`), then clear "
    "the task to go on"
)


_INVALID: dict[str, type[InvalidInput]] = {"credential": CredentialError, "config": ConfigError}
"""What ended the session's calls, to what the user has to put right."""


def outcome_of(error: BridleError) -> Outcome:
    """The outcome that the ledger has for a session that ended with `error`."""
    if isinstance(error, BudgetSpent):
        return Outcome.LIMIT
    if isinstance(error, StopRequested):
        return Outcome.STOPPED
    if isinstance(error, FenceLost | SessionLost):
        return Outcome.LOST
    return Outcome.FAILED


def error_of(result: SessionResult, gateway: Gateway, *, session: str) -> BridleError | None:
    """The error that a session's end means for its step; None when it is done.

    The gateway's word goes before the agent's: it knows why calls were refused.

    Args:
        result: what the agent's runtime said.
        gateway: of this session.
        session: its id, for messages.
    """
    if gateway.ended == "budget":
        return BudgetSpent(f"session {session}: {gateway.reason}. {KEPT}", scope=f"session:{session}")
    if gateway.ended == "stopped" or result.outcome == Outcome.STOPPED:
        return StopRequested(f"session {session} was stopped: {gateway.reason or result.reason}")
    if gateway.ended in _INVALID:
        return _INVALID[gateway.ended](gateway.reason)
    if result.outcome == Outcome.DONE:
        return None
    if result.outcome == Outcome.LIMIT:
        return BudgetSpent(f"session {session}: {result.reason}. {KEPT}", scope=f"session:{session}")
    return _failure(result, session, gateway.retry_after)


def _failure(result: SessionResult, session: str, retry_after: float | None) -> BridleError:
    reason = result.reason or "no reason given"
    if result.outcome == Outcome.LOST:
        return SessionLost(f"session {session}: {reason}")
    if result.retryable:
        return ProviderDown(f"session {session}: {reason}", retry_after=retry_after)
    return SessionFailed(f"session {session}: {result.outcome}: {reason}")
