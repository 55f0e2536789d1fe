"""The wire dialects: which path speaks which, and what an error looks like in each."""

from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from bridle.agents.base import Dialect

PATHS: dict[str, Dialect] = {
    "/v1/messages": "anthropic-messages",
    "/v1/chat/completions": "openai-chat",
    "/v1/responses": "openai-responses",
}
"""Request path to dialect; everything that costs money is in here."""

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(dialect: Dialect, status: int, message: str) -> dict[str, Any]:
    """An error as the provider of `dialect` would word it, so that its own SDK raises its own exception."""
    kind = _ERROR_TYPES.get(status, "api_error")
    if dialect == "anthropic-messages":
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def error_response(
    dialect: Dialect, status: int, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """`error_body` as an answer."""
    return JSONResponse(error_body(dialect, status, message), status_code=status, headers=headers)


def dialect_of(path: str, headers: Headers) -> Dialect:
    """The dialect of a request, also of one to a path that nobody serves."""
    if path in PATHS:
        return PATHS[path]
    return "anthropic-messages" if "anthropic-version" in headers else "openai-chat"
