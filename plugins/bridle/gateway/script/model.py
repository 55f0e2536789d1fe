"""The scripted model as an HTTP application that unmodified SDKs and CLIs talk to."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bridle.agents.base import Dialect
from bridle.gateway.script.answer import (
    Answer,
    anthropic_events,
    anthropic_message,
    openai_chunks,
    openai_completion,
)
from bridle.gateway.script.document import Fault, Script, Turn
from bridle.gateway.script.request import Asked
from bridle.gateway.script.responses import response, response_events
from bridle.gateway.script.tools import ScriptMismatch
from bridle.gateway.wire import PATHS, dialect_of, error_response

SCRIPT_HEADER = "x-bridle-script"
"""`<task id>/<round>`, URL-quoted: which session of the script a request belongs to."""
WORKDIR_HEADER = "x-bridle-workdir"
"""Absolute path of the session's work tree, URL-quoted, for tools that want absolute paths."""


class ScriptedModel:
    """Plays a script; an ASGI application.

    The place in the script is read from each request (`SCRIPT_HEADER` and the number of assistant
    messages), so retries, resumed sessions and parallel ones need nothing remembered. Only the attempts at
    a turn are counted, for its `fail` list.

    Args:
        script: the program.
        journal: JSON lines, one for each request, appended before the answer is sent: a count of requests and
            tokens that owes nothing to the gateway's. `usage` is what the answer tells the client.
        task: the task of requests without `SCRIPT_HEADER`; default: the script's only one.
        workdir: the work tree of requests without `WORKDIR_HEADER`.
    """

    def __init__(
        self,
        script: Script,
        *,
        journal: Path | None = None,
        task: str | None = None,
        workdir: Path | None = None,
    ) -> None:
        self._script = script
        self._journal = journal
        self._task = task or (script.tasks[0] if len(script.tasks) == 1 else None)
        self._workdir = str(workdir) if workdir else None
        self._attempts: Counter[tuple[str, int, int]] = Counter()
        self._app = Starlette(
            routes=[
                *(Route(path, self._model, methods=["POST"]) for path in PATHS),
                Route("/v1/models", self._models),
                Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
                Route("/api/hello", _hello, methods=["HEAD", "GET"]),
                Route("/{rest:path}", _nothing_here, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _model(self, request: Request) -> Response:
        dialect = PATHS[request.url.path]
        raw = await request.body()
        line: dict[str, Any] = {
            "at": datetime.now(UTC).isoformat(),
            "dialect": dialect,
            "request_bytes": len(raw),
            "headers": dict(request.headers),
        }
        try:
            asked = Asked.read(dialect, json.loads(raw), len(raw))
            task, round_number = self._place(request.headers)
            line |= {
                "task": task.partition("@")[0],
                "round": round_number,
                "turn": asked.turn,
                "model": asked.model,
            }
            line |= {"stream": asked.stream, "settings": asked.settings}
            turn = self._turn(task, round_number, asked.turn)
            workdir = request.headers.get(WORKDIR_HEADER)
            answer = Answer.to(asked, turn, unquote(workdir) if workdir else self._workdir)
        except (ScriptMismatch, ValueError, KeyError, AttributeError, TypeError) as error:
            self._note(line | {"status": 400, "usage": None, "complete": True, "fault": None})
            return error_response(dialect, 400, f"script: {error}")
        place = (task, round_number, asked.turn)
        attempt = self._attempts[place]
        self._attempts[place] += 1
        fault = turn.fault(attempt, asked.model)
        if not await _patient(request, turn.delay):
            return Response()  # for nobody: there is no answer, and so no line in the journal
        if isinstance(fault, int):
            self._note(line | {"status": fault, "usage": None, "complete": True, "fault": fault})
            return _failure(dialect, fault, turn)
        usage = answer.usage.model_dump() if fault is None else None
        self._note(line | {"status": 200, "usage": usage, "complete": fault is None, "fault": fault})
        return Playback(asked, answer, fault)

    def _place(self, headers: Mapping[str, str]) -> tuple[str, int]:
        place = headers.get(SCRIPT_HEADER)
        if place is None:
            if self._task is None:
                raise ScriptMismatch(
                    f"the request has no {SCRIPT_HEADER} header, and the script has more than one task"
                )
            return self._task, 1
        task, _, number = unquote(place).rpartition("/")
        if not number.isdecimal():
            raise ScriptMismatch(f"{SCRIPT_HEADER} is {place!r}; it must be <task id>/<round>")
        return task, int(number)

    def _turn(self, task: str, round_number: int, index: int) -> Turn:
        session = self._script.session(task, round_number)
        if session is None:
            raise ScriptMismatch(f"no task {task!r}; the script has: {', '.join(self._script.tasks)}")
        if index >= len(session):
            raise ScriptMismatch(
                f"task {task}, round {round_number} has {len(session)} turns; turn {index + 1} was asked for"
            )
        return session[index]

    def _note(self, line: dict[str, Any]) -> None:
        if self._journal:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": task} for task in self._script.tasks]})

    async def _count_tokens(self, request: Request) -> Response:
        return JSONResponse({"input_tokens": -(-len(await request.body()) // 4)})


class Playback(Response):
    """Sends an answer, or as much of it as the fault lets through."""

    def __init__(self, asked: Asked, answer: Answer, fault: Fault | None) -> None:
        super().__init__(media_type="text/event-stream" if asked.stream else "application/json")
        self._fault = fault
        self._parts = _parts(asked, answer)
        # Response counted the empty body
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._fault == "hang":
            await _client_gone(receive)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        parts = self._parts if self._fault is None else self._parts[: len(self._parts) // 2]
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if self._fault is None:
            await send({"type": "http.response.body", "body": b""})
        elif self._fault == "stall":
            await _client_gone(receive)
        # a cut is an answer that is never completed: the server then drops the connection


def _parts(asked: Asked, answer: Answer) -> list[bytes]:
    match asked.dialect:
        case "anthropic-messages":
            events, message = anthropic_events(answer), anthropic_message(answer)
        case "openai-chat":
            events = openai_chunks(answer, with_usage=asked.stream_usage)
            message = openai_completion(answer)
        case "openai-responses":
            events, message = response_events(answer), response(answer)
    if asked.stream:
        return list(events)
    whole = json.dumps(message).encode()
    return [whole[: len(whole) // 2], whole[len(whole) // 2 :]]


def _failure(dialect: Dialect, status: int, turn: Turn) -> Response:
    headers = {"retry-after": f"{turn.retry_after:g}"} if turn.retry_after is not None else {}
    return error_response(dialect, status, f"scripted failure {status}", headers)


async def _patient(request: Request, seconds: float) -> bool:
    """Wait; whether the client did so, too. Else a session that is stopped would wait for this server."""
    try:
        await asyncio.wait_for(_client_gone(request.receive), seconds)
    except TimeoutError:
        return True
    return False


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hello(request: Request) -> Response:
    return Response()


async def _nothing_here(request: Request) -> Response:
    dialect = dialect_of(request.url.path, request.headers)
    return error_response(dialect, 404, f"script: nothing is served at {request.url.path}")
