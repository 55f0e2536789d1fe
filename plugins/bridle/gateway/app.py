"""The gateway as the agent sees it: a few paths that call models, and a few that cost nothing."""

import asyncio
import hmac
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridle.gateway import refusal
from bridle.gateway.attempts import Attempts
from bridle.gateway.chain import Chain
from bridle.gateway.refused import Refused
from bridle.gateway.terms import known_betas, read_request
from bridle.gateway.wire import PATHS, dialect_of, error_response

MAX_BODY_BYTES = 32 << 20
"""Largest request that is taken; what Anthropic takes."""

_NOT_PASSED_ON = frozenset(
    {
        "host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "accept-encoding",
        "anthropic-beta",
        "expect",
        "authorization",
        "x-api-key",
        "proxy-authorization",
        "cookie",
        "openai-organization",
        "openai-project",
    }
)


def gateway_app(chain: Chain, token: str, on_spans: Callable[[bytes], None] | None = None) -> Starlette:
    """The ASGI application of one session's gateway; everything but the greeting wants its token.

    Args:
        chain: answers.
        token: the session's.
        on_spans: given what the agent's own program sends as its traces; called in a thread. None: refused.
    """
    front = _Front(chain, token.encode(), on_spans)
    return Starlette(
        routes=[
            *(Route(path, front.model, methods=["POST"]) for path in PATHS),
            Route("/v1/models", front.models),
            Route("/v1/messages/count_tokens", front.count_tokens, methods=["POST"]),
            Route("/v1/traces", front.traces, methods=["POST"]),
            Route("/api/hello", front.hello),
            Route(
                "/{rest:path}",
                front.nothing_here,
                methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
            ),
        ]
    )


class _Front:
    def __init__(self, chain: Chain, token: bytes, on_spans: Callable[[bytes], None] | None) -> None:
        self._chain = chain
        self._session = chain.links[0]
        self._token = token
        self._on_spans = on_spans

    async def model(self, request: Request) -> Response:
        dialect = PATHS[request.url.path]
        session = self._session
        if not self._admits(request):
            return self._stranger(request)
        raw = await _body(request)
        if raw is None:
            return error_response(dialect, 413, f"bridle: a request may have {MAX_BODY_BYTES} bytes at most")
        session.progress.touch()
        if session.progress.first_request_bytes is None:
            session.progress.first_request_bytes = len(raw)
        if session.progress.final and session.progress.ended:
            return refusal.final(dialect, session.progress.ended, session.progress.reason)
        try:
            body = read_request(dialect, raw, session.upstream.models)
        except Refused as error:
            return error_response(dialect, 400, f"bridle: refused: {error}")
        if dialect not in session.upstream.provider.endpoints:
            spoken = ", ".join(session.upstream.provider.endpoints)
            return error_response(
                dialect,
                400,
                f"bridle: {session.upstream.provider.name} does not speak {dialect}, it speaks: {spoken}; "
                "give the role another agent or model",
            )
        headers = {
            name: value
            for name, value in request.headers.items()
            # Codex tells in its headers what it knows of the host and the repository
            if name not in _NOT_PASSED_ON and not name.startswith(("x-bridle-", "x-codex-"))
        }
        betas = known_betas(request.headers.getlist("anthropic-beta"))
        headers |= {"anthropic-beta": betas} if betas else {}
        return Attempts(self._chain, dialect, raw, body, headers)

    async def models(self, request: Request) -> Response:
        if not self._admits(request):
            return self._stranger(request)
        upstream = self._session.upstream
        model: dict[str, Any] = {"id": upstream.model, "object": "model", "owned_by": upstream.provider.name}
        model |= {"type": "model", "display_name": upstream.model, "created": 0}
        model |= {"created_at": "1970-01-01T00:00:00Z"}
        ends = {"has_more": False, "first_id": upstream.model, "last_id": upstream.model}
        return JSONResponse({"object": "list", "data": [model], **ends})

    async def count_tokens(self, request: Request) -> Response:
        if not self._admits(request):
            return self._stranger(request)
        raw = await _body(request)
        return JSONResponse({"input_tokens": -(-len(raw or b"") // 4)})

    async def traces(self, request: Request) -> Response:
        if self._on_spans is None:
            return await self.nothing_here(request)
        if not self._admits(request):
            return self._stranger(request)
        raw = await _body(request)
        if raw:
            await asyncio.to_thread(self._on_spans, raw)
        return Response(media_type="application/x-protobuf")

    async def hello(self, request: Request) -> Response:
        return Response()

    async def nothing_here(self, request: Request) -> Response:
        dialect = dialect_of(request.url.path, request.headers)
        return error_response(dialect, 404, f"bridle: the gateway serves nothing at {request.url.path}")

    def _admits(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        shown = request.headers.get("x-api-key") or bearer
        return hmac.compare_digest(shown.encode(), self._token)

    def _stranger(self, request: Request) -> Response:
        dialect = dialect_of(request.url.path, request.headers)
        return error_response(
            dialect,
            401,
            "bridle: token: this gateway serves one session, whose token the request does not have",
            {"x-should-retry": "false"},
        )


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too big."""
    if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
        return None
    received = bytearray()
    try:
        async for part in request.stream():
            received += part
            if len(received) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return bytes(received)
