"""Writes down what providers answer, while it passes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from bridle.gateway.cassette import KEPT_HEADERS, append
from bridle.gateway.events import merged, parse
from bridle.gateway.portable import Portable
from bridle.gateway.provider_call import LIMIT


class Recording:
    """A tape that records one session.

    Args:
        path: the file; one that is there already is begun anew.
        portable: takes out of it what belongs to this run only.
    """

    def __init__(self, path: Path, portable: Portable) -> None:
        self._path = path
        self._portable = portable
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")

    def client(self, options: dict[str, Any]) -> httpx.AsyncClient:
        """A client that calls providers and remembers."""
        return _Client(self, options)

    def lost(self, request: httpx.Request, how: str) -> None:
        """Note a call without an answer."""
        append(self._path, {"request": self._asked(request), "lost": how})

    def answered(self, answer: httpx.Response, body: bytes, *, broken: bool) -> None:
        """Note an answer."""
        headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        said: dict[str, Any] = {"status": answer.status_code, "headers": headers}
        if headers.get("content-type", "").startswith("text/event-stream"):
            said["events"] = self._portable.answer(merged(parse(body)))
        else:
            said["body"] = self._portable.answer(_loaded(body))
        entry = {"request": self._asked(answer.request), "answer": said}
        append(self._path, entry | ({"broken": True} if broken else {}))

    def _asked(self, request: httpx.Request) -> Any:
        return self._portable.request(json.loads(request.content))


class _Client(httpx.AsyncClient):
    def __init__(self, recording: Recording, options: dict[str, Any]) -> None:
        super().__init__(**options)
        self._recording = recording

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        try:
            answer = await super().send(request, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            self._recording.lost(request, "unreachable")
            raise
        except httpx.TransportError:
            self._recording.lost(request, "hung up")
            raise
        except asyncio.CancelledError:
            if request.extensions[LIMIT].expired():  # else the agent has gone: that is no answer's fault
                self._recording.lost(request, "slow")
            raise
        answer.stream = _Overheard(answer, answer.stream, self._recording)
        return answer


class _Overheard(httpx.AsyncByteStream):
    """A body that is written down when it has passed."""

    def __init__(self, answer: httpx.Response, stream: Any, recording: Recording) -> None:
        self._answer = answer
        self._stream = stream
        self._recording = recording
        self._heard = bytearray()
        self._whole = False
        self._noted = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._heard += chunk
            yield chunk
        self._whole = True
        self._note()

    async def aclose(self) -> None:
        self._note()
        await self._stream.aclose()

    def _note(self) -> None:
        if not self._noted:
            self._noted = True
            self._recording.answered(self._answer, bytes(self._heard), broken=not self._whole)


def _loaded(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
