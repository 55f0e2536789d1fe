"""One request of the agent, asked of one model after the other until one answers.

Each attempt is a call of its own: it waits for a slot of its provider and has its own reservation, price and
row. An attempt that its provider does not answer gives way to the next model, only before the session's first
answer, and never silently. Later, and from the last model, the provider's error goes to the agent as it is.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Coroutine
from math import ceil
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bridle.agents.base import Dialect, Event, EventKind
from bridle.errors import BridleError, LedgerUnavailable
from bridle.gateway import refusal
from bridle.gateway.chain import Chain
from bridle.gateway.lost import Lost
from bridle.gateway.relay import Relay, Session, hung_up
from bridle.gateway.slots import Slots

LONGEST_WAIT = 60.0
"""Seconds that an agent may wait for its provider. Told to wait for longer it is ended instead: then Airflow
waits, without a worker and without the session's time running out."""
_TELL_AFTER = 2.0
"""Seconds of waiting for a slot after which people are told."""


class Attempts(Response):
    """The answer to one request.

    Args:
        chain: the session's models.
        dialect: of the request.
        raw: the request as it came.
        body: the same, as JSON.
        headers: those of the agent's that are passed on.
    """

    def __init__(
        self, chain: Chain, dialect: Dialect, raw: bytes, body: dict[str, Any], headers: dict[str, str]
    ) -> None:
        super().__init__()
        self._chain = chain
        self._dialect = dialect
        self._raw = raw
        self._body = body
        self._asked_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chain = self._chain
        if chain.answering is None:
            if not await _while_wanted(chain.choosing.acquire(), receive, chain.links[0]):
                return
            try:
                if chain.answering is None:
                    await self._choose(scope, receive, send)
                    return
            finally:
                chain.choosing.release()
        relay = await self._ask(chain.answering, scope, receive, send)
        if relay is not None and relay.lost is not None:
            last = self._last_word(chain.answering, relay.lost, relay.lost.retry_after)
            await last(scope, receive, send)

    async def _choose(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the models in turn; the session stays with the one that answers."""
        candidates = self._chain.candidates()
        rest = candidates[0].rest
        if rest and not await _while_wanted(_pause(rest, candidates[0].link), receive, candidates[0].link):
            return
        for candidate in candidates:
            link = candidate.link
            if link is not self._chain.known and (unheard := await self._change(link)):
                await unheard(scope, receive, send)
                return
            relay = await self._ask(link, scope, receive, send)
            if relay is not None and relay.answered:
                self._chain.answered(link)
            if relay is None or relay.lost is None:
                return
            self._chain.failed(link, relay.lost)
            if link is candidates[-1].link:
                await self._last_word(link, relay.lost, self._chain.pause)(scope, receive, send)

    async def _change(self, link: Session) -> Response | None:
        """Tell that another model is asked from here on; an answer when nobody could be told."""
        chain, progress = self._chain, link.progress
        names = {"model": _name(chain.known), "next": _name(link)}
        try:
            await _tell(link, EventKind.FALLBACK, **names, reason=chain.lost(chain.known))
        except LedgerUnavailable as error:
            return refusal.no_books(self._dialect, error)
        if progress.ended and progress.final:
            return refusal.final(self._dialect, progress.ended, progress.reason)
        chain.known = link
        return None

    def _last_word(self, link: Session, lost: Lost, pause: float | None) -> Response:
        """What the agent is told when nobody answers.

        Args:
            link: the model that was asked last.
            lost: what came of it.
            pause: seconds for which nobody is to be asked; None: that was not said.
        """
        link.progress.rest(pause)
        if pause is not None and pause > LONGEST_WAIT:
            return refusal.final(self._dialect, "provider", lost.reason)
        seconds = 0 if pause is None else ceil(pause)
        if seconds < (lost.retry_after or 0):  # another model is ready before this one
            lost.answer.headers["retry-after"] = str(seconds)
            lost.answer.headers["retry-after-ms"] = str(seconds * 1000)
        return lost.answer

    async def _ask(self, link: Session, scope: Scope, receive: Receive, send: Send) -> Relay | None:
        """One attempt; None when the agent went away before it began."""
        with contextlib.ExitStack() as held:
            if link.slots is not None:
                slot = link.slots.slot()
                held.callback(slot.release)
                if not slot.try_take() and not await _while_wanted(
                    slot.take(_Patience(link, link.slots).wait), receive, link
                ):
                    return None
            relay = self._relay(link)
            await relay(scope, receive, send)
            return relay

    def _relay(self, link: Session) -> Relay:
        upstream, raw, body = link.upstream, self._raw, self._body
        if link is not self._chain.links[0]:
            body = {**body, "model": upstream.model.removesuffix("[1m]")}
            raw = json.dumps(body).encode()
        headers = {
            **self._asked_headers,
            **upstream.headers,
            **upstream.provider.request_headers(self._dialect),
            # usage is read from the bytes that pass, so they must not be compressed
            "accept-encoding": "identity",
        }
        return Relay(link, self._dialect, raw, body, headers)


class _Patience:
    """Says that a session waits for a slot and is not idle, and once in words."""

    def __init__(self, link: Session, slots: Slots) -> None:
        self._link = link
        self._reason = f"all {slots.count} calls at once of {slots.provider} are taken"
        self._told = False

    async def wait(self, seconds: float) -> None:
        self._link.progress.touch()
        if seconds > _TELL_AFTER and not self._told:
            self._told = True
            with contextlib.suppress(LedgerUnavailable):  # it is said and no more
                await _tell(self._link, EventKind.WAITING, reason=self._reason)


def _name(link: Session) -> str:
    return f"{link.upstream.provider.name}:{link.upstream.model}"


async def _tell(link: Session, kind: EventKind, **payload: str) -> None:
    try:
        await asyncio.to_thread(link.on_event, Event(kind=kind, payload=payload))
    except LedgerUnavailable:
        raise
    except BridleError as error:  # a newer attempt owns the step
        link.progress.end("stopped", str(error))


async def _pause(seconds: float, link: Session) -> None:
    """Let time pass that is not idle."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        link.progress.touch()
        await asyncio.sleep(min(left, 1.0))


async def _while_wanted(waiting: Coroutine[Any, Any, Any], receive: Receive, link: Session) -> bool:
    """Wait for something; False when the agent hangs up, or the gateway stops, before it is there."""
    awaited = asyncio.create_task(waiting)
    others = (asyncio.create_task(hung_up(receive)), asyncio.create_task(link.stopping.wait()))
    try:
        await asyncio.wait({awaited, *others}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (awaited, *others):
            task.cancel()
        results = await asyncio.gather(awaited, *others, return_exceptions=True)
    ended: object = results[0]
    if isinstance(ended, Exception):
        raise ended
    return not isinstance(ended, asyncio.CancelledError)
