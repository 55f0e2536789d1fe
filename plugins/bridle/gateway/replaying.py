"""Answers from a recording, in the place of every provider: no network, no key."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from bridle.errors import ConfigError
from bridle.gateway.cassette import read
from bridle.gateway.events import written
from bridle.gateway.portable import Portable, first_difference


class Replaying:
    """A tape that plays one session.

    Each request takes the first call of the recording that asked the same and has not been played, so that
    requests made side by side may come in another order.

    Args:
        path: the file.
        portable: of the session that is played now.

    Raises:
        ConfigError: there is no such recording.
    """

    def __init__(self, path: Path, portable: Portable) -> None:
        self._path = path
        self._portable = portable
        self._left = read(path)

    def client(self, options: dict[str, Any]) -> httpx.AsyncClient:
        """A client that calls nobody."""
        return httpx.AsyncClient(timeout=options["timeout"], trust_env=False, transport=_Player(self))

    def next(self, request: httpx.Request) -> dict[str, Any]:
        """The call that answers `request`, played once.

        Raises:
            ConfigError: the recording has none; the message shows the first difference.
        """
        asked = self._portable.request(json.loads(request.content))
        for number, entry in enumerate(self._left):
            if entry["request"] == asked:
                return self._left.pop(number)
        if not self._left:
            raise ConfigError(
                f"replay: {self._path.name} is at its end and the session asks on; record the run anew"
            )
        difference = first_difference(self._left[0]["request"], asked)
        raise ConfigError(
            f"replay: the session asks for something else than {self._path.name} has recorded; first "
            f"difference in {difference}. Record the run anew, or replay it with the code, prompts and roles "
            "that it was recorded with"
        )

    def played(self, said: dict[str, Any], *, broken: bool) -> httpx.Response:
        """An answer of the recording."""
        # nobody has to wait again
        headers = {name: "0" if name == "retry-after" else text for name, text in said["headers"].items()}
        if "events" in said:
            parts = list(written(self._portable.restored(said["events"])))
        else:
            body = self._portable.restored(said["body"])
            parts = [(body if isinstance(body, str) else json.dumps(body)).encode()]
        return httpx.Response(said["status"], headers=headers, stream=_Parts(parts, broken=broken))


class _Player(httpx.AsyncBaseTransport):
    def __init__(self, tape: Replaying) -> None:
        self._tape = tape

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        entry = self._tape.next(request)
        match entry.get("lost"):
            case None:
                return self._tape.played(entry["answer"], broken=entry.get("broken", False))
            case "unreachable":
                raise httpx.ConnectError("not reached when it was recorded", request=request)
            case "slow":
                raise TimeoutError
            case _:
                raise httpx.RemoteProtocolError("hung up when it was recorded", request=request)


class _Parts(httpx.AsyncByteStream):
    def __init__(self, parts: list[bytes], *, broken: bool) -> None:
        self._parts = parts
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        if self._broken:
            raise httpx.RemoteProtocolError("broken off when it was recorded")
