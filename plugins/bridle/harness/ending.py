"""How a session ended, in the words of the ledger and of Airflow."""

from bridle.agents.base import Outcome, SessionResult
from bridle.errors import (
    BridleError,
    BudgetSpent,
    ConfigError,
    CredentialError,
    FenceLost,
    InvalidInput,
    NoRoom,
    ProviderDown,
    SessionFailed,
    SessionLost,
    StopRequested,
)
from bridle.gateway.server import Gateway
from bridle.workspace.room import no_room, out_of_room

KEPT = "Its work is kept"


_INVALID: dict[str, type[InvalidInput]] = {"credential": CredentialError, "config": ConfigError}
"""What ended the session's calls, to what the user has to put right."""


def outcome_of(error: BridleError) -> Outcome:
    """The outcome that the ledger has for a session that ended with `error`."""
    if isinstance(error, BudgetSpent | NoRoom):
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
    refusal = refusal_of(gateway, session=session)
    if refusal is not None:
        return refusal
    if result.outcome == Outcome.STOPPED:
        return StopRequested(f"session {session} was stopped: {gateway.reason or result.reason}")
    if result.outcome == Outcome.DONE:
        return None
    if result.outcome == Outcome.LIMIT:
        how = f"{KEPT}: raise the role's limit in roles.yaml, then clear the task to go on from there"
        return BudgetSpent(f"session {session}: {result.reason}. {how}", scope=f"session:{session}")
    return _failure(result, session, gateway.retry_after)


def refusal_of(gateway: Gateway, *, session: str) -> BridleError | None:
    """Why the gateway refuses a session's further calls for good; None when it does not.

    Args:
        gateway: of this session.
        session: its id, for messages.
    """
    if gateway.ended == "budget":
        return BudgetSpent(f"session {session}: {gateway.reason}. {KEPT}", scope=gateway.spent_scope)
    if gateway.ended == "stopped":
        return StopRequested(f"session {session} was stopped: {gateway.reason}")
    if gateway.ended in _INVALID:
        return _INVALID[gateway.ended](gateway.reason)
    return None


def _failure(result: SessionResult, session: str, retry_after: float | None) -> BridleError:
    reason = result.reason or "no reason given"
    if no_room(reason):
        return out_of_room(f"session {session}: {reason}")
    if result.outcome == Outcome.LOST:
        return SessionLost(f"session {session}: {reason}")
    if result.retryable:
        return ProviderDown(f"session {session}: {reason}", retry_after=retry_after)
    return SessionFailed(f"session {session}: {result.outcome}: {reason}")
