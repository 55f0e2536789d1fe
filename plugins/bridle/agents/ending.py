"""How an error of the model's API ends a session; the same for every agent."""

import re
from typing import Any

from bridle.agents.base import Outcome, SessionResult

REASON_CHARACTERS = 400

_GATEWAY = re.compile(r"bridle: (budget|turns|stopped|credential|config|provider|ledger): ?(.*)", re.DOTALL)


def api_error(status: int | None, message: str, **more: Any) -> SessionResult:
    """The result of a session that an API error ended.

    Args:
        status: HTTP status; None when there was no answer.
        message: what the agent's own library says about it; contains the gateway's words, if any.
        more: further fields of the result.
    """
    said = _GATEWAY.search(message)
    kind, words = (said.group(1), said.group(2)) if said else ("", message)
    if kind in ("budget", "turns"):
        return failed(f"{kind}: {words}", Outcome.LIMIT, **more)
    if kind == "stopped":
        return failed(f"stopped: {words}", Outcome.STOPPED, **more)
    if kind == "credential" or status in (401, 402, 403):
        return failed(f"credential: {words}", **more)
    if kind:
        return failed(f"{kind}: {words}", retryable=kind != "config", **more)
    if status is None or status in {408, 429} or status >= 500:
        return failed(f"provider: {status or 'no answer'} {words}", retryable=True, **more)
    return failed(f"request: {status} {words}", **more)


def failed(reason: str, outcome: Outcome = Outcome.FAILED, **more: Any) -> SessionResult:
    """A result with a reason on one line."""
    return SessionResult(outcome=outcome, reason=" ".join(reason.split())[:REASON_CHARACTERS], **more)


def invalid(schema: dict[str, Any], output: Any) -> str | None:
    """Why `output` is not what `schema` describes, when it is not."""
    from jsonschema import Draft202012Validator

    problem = next(iter(Draft202012Validator(schema).iter_errors(output)), None)
    if problem is None:
        return None
    place = "/".join(str(part) for part in problem.absolute_path) or "the answer"
    return f"{place}: {problem.message}"[:REASON_CHARACTERS]
