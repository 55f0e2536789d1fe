"""The provider's side of a call: asked once, with a time limit on everything, so that nothing ever hangs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Literal

import httpx

from bridle.gateway.progress import Progress
from bridle.gateway.upstream import Timeouts

_NOT_PASSED_BACK = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "set-cookie"}
)

LIMIT = "bridle.limit"
"""Extension of a request: its time limit, for a recording to tell a slow provider from an agent that left."""


class Unanswered(Exception):
    """The provider did not answer, or not to the end."""

    def __init__(self, how: Literal["error", "timeout", "cut"], message: str, *, billed: bool = True) -> None:
        super().__init__(message)
        self.how = how
        self.billed = billed
        """Whether the provider may have begun to work on it."""

    @property
    def status(self) -> int:
        """As a gateway's HTTP status."""
        return 504 if self.how == "timeout" else 502


async def ask(
    client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], timeouts: Timeouts
) -> httpx.Response:
    """Send a request; returns when the answer begins.

    Raises:
        Unanswered: the provider cannot be reached, or takes too long.
    """
    where = httpx.URL(url).host
    request = client.build_request("POST", url, content=body, headers=dict(headers))
    try:
        async with asyncio.timeout(timeouts.first_byte) as limit:
            request.extensions[LIMIT] = limit
            return await client.send(request, stream=True)
    except TimeoutError as error:
        raise Unanswered("timeout", f"{where} did not answer within {timeouts.first_byte:g} s") from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unanswered(
            "error", f"{where} cannot be reached ({type(error).__name__})", billed=False
        ) from error
    except httpx.TransportError as error:
        raise Unanswered("cut", f"{where} hung up before it answered ({type(error).__name__})") from error


async def parts(answer: httpx.Response, progress: Progress, timeouts: Timeouts) -> AsyncIterator[bytes]:
    """The bytes of an answer as they come.

    Raises:
        Unanswered: they stop coming.
    """
    where = answer.request.url.host
    chunks = answer.aiter_bytes()
    while True:
        try:
            async with asyncio.timeout(timeouts.idle):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise Unanswered(
                "timeout", f"{where} was silent for {timeouts.idle:g} s in mid-answer"
            ) from error
        except httpx.HTTPError as error:
            raise Unanswered("cut", f"{where} broke off its answer ({type(error).__name__})") from error
        if chunk is None:
            return
        progress.touch()
        yield chunk


def broken_off(answer: httpx.Response) -> Unanswered:
    """An answer that ends as HTTP wants it, and without its last word: a server behind a proxy went away."""
    return Unanswered("cut", f"{answer.request.url.host} ended its answer before the last word")


def passed_back(answer: httpx.Response) -> dict[str, str]:
    """The headers of an answer that are for the agent; those of the connection are not."""
    return {name: value for name, value in answer.headers.items() if name not in _NOT_PASSED_BACK}
