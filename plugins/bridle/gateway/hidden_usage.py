"""OpenAI's streams tell their usage only when asked; the gateway always asks.

A client that asked for it gets the stream byte for byte. For one that did not, the request is changed to ask,
and the one event that this adds (usage, and no choices) is taken out again: clients that read `choices[0]` of
every event would break on it. Nothing else of the stream changes.
"""

import json
from typing import Any

from bridle.agents.base import Dialect


def asks_for_usage(dialect: Dialect, body: dict[str, Any]) -> bool:
    """Whether the answer will tell its usage without our help."""
    options = body.get("stream_options")
    asked = isinstance(options, dict) and bool(options.get("include_usage"))
    return dialect != "openai-chat" or not body.get("stream") or asked


def asking(body: dict[str, Any]) -> dict[str, Any]:
    """The request, made to ask."""
    options = {**(body.get("stream_options") or {}), "include_usage": True}
    return {**body, "stream_options": options}


class UsageRemover:
    """Takes the usage event out of a stream that comes in pieces cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False

    def feed(self, chunk: bytes) -> bytes:
        """The next piece, without what is to be hidden; an unfinished line waits for its end."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        kept = []
        for line in lines:
            if _is_usage_event(line):
                self._dropping = True
            elif self._dropping and not line.strip():
                self._dropping = False
            else:
                kept.append(line + b"\n")
        return b"".join(kept)

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        return self._rest


def _is_usage_event(line: bytes) -> bool:
    if not line.startswith(b"data:") or b'"usage"' not in line:
        return False
    try:
        event = json.loads(line[5:])
    except ValueError:
        return False
    return isinstance(event, dict) and not event.get("choices") and bool(event.get("usage"))
