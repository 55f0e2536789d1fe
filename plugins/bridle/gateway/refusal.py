"""Answers that the gateway gives by itself, in the provider's own error shape.

Agents tell them apart by how the message begins: `bridle: budget`, `bridle: turns`, `bridle: stopped`,
`bridle: credential`, `bridle: config`, `bridle: provider`, `bridle: ledger`, `bridle: refused`.
"""

import json

from starlette.responses import Response

from bridle.agents.base import Dialect
from bridle.errors import LedgerUnavailable
from bridle.gateway.progress import Ending
from bridle.gateway.wire import error_response

_STATUS: dict[Ending, int] = {
    "budget": 400,
    "turns": 400,
    "stopped": 400,
    "credential": 401,
    "config": 400,
    "provider": 503,
}
# what providers say when the key is good and the purse is empty, where the status alone does not say it
_NO_CREDIT = ("credit balance is too low", "insufficient_quota", "exceeded your current quota")
_BAD_KEY = ("api key expired", "api key has expired", "invalid api key", "incorrect api key")
# what they say with a 400 about a model that they do not serve; with a 404 all of them mean that
_NO_MODEL = ("not a valid model", "invalid model", "model_not_found", "model not found", "unknown model")


def final(dialect: Dialect, ending: Ending, reason: str) -> Response:
    """The answer to every call after the session's end."""
    # the vendors' SDKs try some of these again, Claude Code a 401 for minutes
    never_again = {"x-should-retry": "false"}
    # Codex tries everything again but a 400
    status = 400 if dialect == "openai-responses" else _STATUS[ending]
    return error_response(dialect, status, f"bridle: {ending}: {reason}", never_again)


def no_books(dialect: Dialect, error: LedgerUnavailable) -> Response:
    """The answer to a call that cannot be written down now."""
    return error_response(dialect, 503, f"bridle: ledger: {error}")


def credential_problem(status: int, body: bytes) -> str | None:
    """What is wrong with the key, when an error of the provider is about it."""
    if status in (401, 403):
        return f"the provider refused the API key ({status})"
    said = error_message(body).lower()
    if status == 400 and any(words in said for words in _BAD_KEY):
        return f"the provider refused the API key ({status}: {said[:200]})"
    if status == 402 or (status in (400, 429) and any(words in said for words in _NO_CREDIT)):
        return f"the account behind the API key has no credit ({status})"
    return None


def config_problem(status: int, body: bytes, model: str) -> str | None:
    """What is wrong with the model's name or the provider's address, when an answer is about that.

    Args:
        status: of the answer.
        body: of the answer.
        model: that was asked for.
    """
    if 300 <= status < 400:
        return f"the provider's address redirects elsewhere ({status}): give the base URL of its API"
    if (status < 300 or status == 404) and not is_json(body):
        return f"the provider's address answers {status} with no JSON: give the base URL of its API"
    said = error_message(body)[:300]
    if status == 404 or (status == 400 and any(words in said.lower() for words in _NO_MODEL)):
        return f"the provider does not serve the model {model!r} ({status}: {said}): correct it in roles.yaml"
    return None


def is_json(body: bytes) -> bool:
    """Whether an answer is a JSON object."""
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def error_message(body: bytes) -> str:
    """The words of a provider's error, its code included; empty when it is in no shape that is known."""
    try:
        error = json.loads(body)["error"]
        return f"{error['message']} {error.get('code') or ''}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
