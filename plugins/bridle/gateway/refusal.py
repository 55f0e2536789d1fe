"""Answers that the gateway gives by itself, in the provider's own error shape.

Agents tell them apart by how the message begins: `bridle: budget`, `bridle: stopped`, `bridle: credential`,
`bridle: provider`, `bridle: ledger`, `bridle: refused`.
"""

import json

from starlette.responses import Response

from bridle.agents.base import Dialect
from bridle.gateway.progress import Ending
from bridle.gateway.wire import error_response

_STATUS: dict[Ending, int] = {"budget": 400, "stopped": 400, "credential": 401, "provider": 503}
# what providers say when the key is good and the purse is empty, where the status alone does not say it
_NO_CREDIT = ("credit balance is too low", "insufficient_quota", "exceeded your current quota")


def final(dialect: Dialect, ending: Ending, reason: str) -> Response:
    """The answer to every call after the session's end."""
    # the vendors' SDKs try some of these again, Claude Code a 401 for minutes
    never_again = {"x-should-retry": "false"}
    return error_response(dialect, _STATUS[ending], f"bridle: {ending}: {reason}", never_again)


def credential_problem(status: int, body: bytes) -> str | None:
    """What is wrong with the key, when an error of the provider is about it."""
    if status in (401, 403):
        return f"the provider refused the API key ({status})"
    said = error_message(body).lower()
    if status == 402 or (status in (400, 429) and any(words in said for words in _NO_CREDIT)):
        return f"the account behind the API key has no credit ({status})"
    return None


def error_message(body: bytes) -> str:
    """The words of a provider's error, its code included; empty when it is in no shape that is known."""
    try:
        error = json.loads(body)["error"]
        return f"{error['message']} {error.get('code') or ''}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
