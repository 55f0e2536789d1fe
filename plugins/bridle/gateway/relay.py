"""One model call through the gateway: reserved, forwarded, passed back byte for byte, settled."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bridle.agents.base import Dialect, Event
from bridle.errors import BridleError, BudgetSpent, ConfigError, LedgerUnavailable
from bridle.gateway import refusal
from bridle.gateway.budget import Call, Meter, Settlement
from bridle.gateway.estimate import Estimator
from bridle.gateway.hidden_usage import UsageRemover, asks_for_usage
from bridle.gateway.lost import Lost, retry_after
from bridle.gateway.pricing import price
from bridle.gateway.progress import Ending, Progress
from bridle.gateway.provider_call import Unanswered, ask, broken_off, parts, passed_back
from bridle.gateway.request_body import request_body
from bridle.gateway.slots import Slots
from bridle.gateway.upstream import Upstream
from bridle.gateway.usage import Reading, read_answer, reader_for
from bridle.gateway.wire import error_body, error_response
from bridle.ledger.records import Price, Usage

_NOTHING_USED = Reading(Usage(), None)
_NOT_SAID = Reading(None, None)


@dataclass(frozen=True, eq=False)
class Session:
    """What all calls to one model of a gateway share."""

    upstream: Upstream
    meter: Meter
    client: httpx.AsyncClient
    estimator: Estimator
    progress: Progress
    stopping: asyncio.Event
    slots: Slots | None = None
    """The provider's calls at once; None: as many as one likes."""
    on_event: Callable[[Event], None] = lambda _: None
    """Told what people should know; called in a thread."""


class Relay(Response):
    """Makes one call, and is its answer; `lost` calls have none, and the agent has not been told yet.

    The call runs beside two watchers: when the agent hangs up, or the gateway stops, the provider's
    connection is closed at once and the call is settled with what was seen of it.

    Args:
        session: what all calls share.
        dialect: of the request.
        raw: the request as it goes to the provider, unless it has to be made to ask for its usage.
        body: the same, as JSON.
        headers: for the provider.
    """

    def __init__(
        self,
        session: Session,
        dialect: Dialect,
        raw: bytes,
        body: dict[str, Any],
        headers: dict[str, str],
    ) -> None:
        super().__init__()
        self.lost: Lost | None = None
        """Why there was no answer."""
        self.answered = False
        """An answer of the model has begun."""
        self._session = session
        self._dialect = dialect
        self._call = Call(
            dialect,
            str(body.get("model", "")),
            len(raw),
            session.estimator.bound(dialect, raw, body),
            session.upstream.provider.name,
        )
        self._raw = raw
        self._remover = None if asks_for_usage(dialect, body) else UsageRemover()
        self._request = request_body(dialect, raw, body)
        self._request_headers = headers
        self._call_id: UUID | None = None
        self._http_status: int | None = None
        self._reading: Callable[[], Reading] = lambda: _NOT_SAID
        self._started = time.monotonic()
        self._first_byte_ms: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = await self._reserve()
        if refused is not None:
            await refused(scope, receive, send)
            return
        call = asyncio.create_task(self._make(scope, receive, send))
        gone = asyncio.create_task(hung_up(receive))
        stopped = asyncio.create_task(self._session.stopping.wait())
        try:
            await asyncio.wait({call, gone, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (call, gone, stopped):
                task.cancel()
            ended, *_ = await asyncio.gather(call, gone, stopped, return_exceptions=True)
            self._settle("aborted", self._reading())
        if isinstance(ended, Exception):
            raise ended

    async def _reserve(self) -> Response | None:
        """Reserve the call; an answer when it must not be made."""
        progress = self._session.progress
        if progress.ended and progress.final:  # since it came it may have waited: for a slot, for a model
            return refusal.final(self._dialect, progress.ended, progress.reason)
        try:
            self._call_id = await asyncio.to_thread(self._session.meter.reserve, self._call)
        except BudgetSpent as error:
            progress.end("budget", str(error))
            progress.scope = progress.scope or error.scope
        except LedgerUnavailable as error:
            return refusal.no_books(self._dialect, error)
        except BridleError as error:
            progress.end("stopped", str(error))
        else:
            return None
        return refusal.final(self._dialect, progress.ended or "stopped", progress.reason)

    async def _make(self, scope: Scope, receive: Receive, send: Send) -> None:
        upstream = self._session.upstream
        url = upstream.provider.endpoints[self._dialect]
        self._started = time.monotonic()
        try:
            answer = await ask(
                self._session.client, url, self._request, self._request_headers, upstream.timeouts
            )
            self._first_byte_ms = self._elapsed_ms()
            self._http_status = answer.status_code
            self._session.progress.touch()
            async with contextlib.aclosing(answer):
                if _is_stream(answer):
                    await self._stream(answer, send)
                    return
                response = await self._whole(answer)
        except Unanswered as error:
            self._session.progress.end("provider", str(error))
            self._settle(error.how, _NOT_SAID if error.billed else _NOTHING_USED)
            response = error_response(self._dialect, error.status, f"bridle: provider: {error}")
            self.lost = Lost(str(error), response)
        except ConfigError as error:  # a recording that does not fit
            self._settle("error", _NOTHING_USED)
            response = self._end("config", str(error))
        if self.lost is None:
            await response(scope, receive, send)

    async def _whole(self, answer: httpx.Response) -> Response:
        """An answer in one piece: a completion, or an error."""
        timeouts = self._session.upstream.timeouts
        body = b"".join([part async for part in parts(answer, self._session.progress, timeouts)])
        provider = self._session.upstream.provider
        problem = refusal.config_problem(answer.status_code, body, self._call.model)
        if answer.is_success and problem is None:
            self.answered = True
            self._session.progress.answered()
            self._settle("ok", read_answer(self._dialect, body))
            return Response(body, answer.status_code, headers=passed_back(answer))
        self._settle("error", _NOTHING_USED)
        if provider.key:
            body = body.replace(provider.key.encode(), b"[redacted]")
        if problem := refusal.config_problem(answer.status_code, body, self._call.model):
            return self._end("config", f"{provider.name}: {problem}")
        if problem := refusal.credential_problem(answer.status_code, body):
            where = f"see to the key in the Airflow connection {provider.connection}"
            return self._end("credential", f"{problem}; {where}")
        response = Response(body, answer.status_code, headers=passed_back(answer))
        if answer.status_code == 429 or answer.status_code >= 500:
            said = f"{provider.name} answers {answer.status_code}: {refusal.error_message(body)[:300]}"
            self._session.progress.end("provider", said)
            self.lost = Lost(said, response, retry_after(answer.headers))
        return response

    def _end(self, ending: Ending, problem: str) -> Response:
        """The session's end, and what the agent is told of it."""
        self._session.progress.end(ending, problem)
        return refusal.final(self._dialect, ending, problem)

    async def _stream(self, answer: httpx.Response, send: Send) -> None:
        """A streamed answer; it is on its way into the books before the agent sees its end."""
        self.answered = True
        reader = reader_for(self._dialect)
        self._reading = reader.reading
        head = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in passed_back(answer).items()
        ]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": head})

        async def pass_on(data: bytes) -> None:
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})

        try:
            timeouts = self._session.upstream.timeouts
            async for part in parts(answer, self._session.progress, timeouts):
                reader.feed(part)
                if reader.error:
                    self._session.progress.end("provider", f"in mid-answer: {reader.error[:300]}")
                    self._settle("error", reader.reading())
                elif reader.finished:
                    self._session.progress.answered()
                    self._settle("ok", reader.reading())
                await pass_on(self._remover.feed(part) if self._remover else part)
            if not (reader.whole or reader.error):
                raise broken_off(answer)
            await pass_on(self._remover.rest() if self._remover else b"")
        except Unanswered as error:
            self._session.progress.end("provider", str(error))
            self._settle(error.how, reader.reading())
            if error.how == "cut":
                return  # an answer left incomplete: the agent's connection breaks off too
            await pass_on(_error_event(self._dialect, error))
        # some providers of this dialect send no last event
        self._settle("ok", reader.reading())
        await send({"type": "http.response.body", "body": b""})

    def _settle(self, status: str, reading: Reading) -> None:
        """Settle the call, once; later ones change nothing."""
        call_id, self._call_id = self._call_id, None
        if call_id is None:
            return
        if status == "ok":
            self._session.progress.count_answer()
        provider, asked = self._session.upstream.provider, self._call
        usage, cost = reading.usage, Price(None)
        if status == "ok" and usage is not None and usage.total == 0:
            usage = None  # an answer of nothing for nothing: the endpoint does not count
        if usage is not None:
            answered, hour = reading.model or asked.model, reading.hour_cache_writes
            cost = price(provider, answered, usage, asked=asked.model, hour_cache_writes=hour)
            if usage.total == 0:
                cost = Price(Decimal(0), source="not billed")
            elif status == "ok":
                self._session.estimator.learn(asked.model, self._raw, usage)
        settlement = Settlement(
            usage=usage,
            price=cost,
            status=status,
            http_status=self._http_status,
            answered_model=reading.model,
            latency_ms=self._elapsed_ms(),
            first_byte_ms=self._first_byte_ms,
        )
        self._session.meter.settle(call_id, settlement)

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)


def _is_stream(answer: httpx.Response) -> bool:
    kind = str(answer.headers.get("content-type", ""))
    return answer.is_success and kind.startswith("text/event-stream")


def _error_event(dialect: Dialect, error: Unanswered) -> bytes:
    said = f"bridle: provider: {error}"
    body = error_body(dialect, error.status, said)
    if dialect == "openai-responses":
        failed = {"id": "", "status": "failed", "error": {"code": "server_error", "message": said}}
        body = {"type": "response.failed", "response": failed}
    name = f"event: {body['type']}\n" if "type" in body else ""
    return f"{name}data: {json.dumps(body)}\n\n".encode()


async def hung_up(receive: Receive) -> None:
    """Wait until the agent is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
