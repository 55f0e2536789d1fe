"""The runner's way to tell the operator: JSON lines on a pipe, one way."""

import base64
import json
import os
import threading
from pathlib import Path
from typing import Any

from bridle.agents.base import Event

TEXT_CHARACTERS = 16_000
"""Of any one text in an event."""

CHUNK_BYTES = 256 * 1024
"""Of transcript in one line."""


class Pipe:
    """Writes events, transcript and result; size-capped, and not inherited by what the agent starts.

    Safe to share between threads.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._broken_off = False
        self._told = 0
        self._lock = threading.RLock()
        os.set_inheritable(fd, False)

    def event(self, event: Event) -> None:
        """Tell what happened."""
        self.line("event", capped(event.model_dump(mode="json")))

    def transcript(self, path: Path | None) -> None:
        """Tell what `path` has gained since the last time."""
        if path is None or not path.is_file():
            return
        with self._lock, path.open("rb") as file:
            file.seek(self._told)
            while chunk := file.read(CHUNK_BYTES):
                self.line("transcript", base64.b64encode(chunk).decode())
                self._told += len(chunk)

    def line(self, key: str, value: Any) -> None:
        """Write `{key: value}` as one line."""
        data = json.dumps({key: value}, ensure_ascii=False).encode(errors="replace") + b"\n"
        with self._lock:
            if self._broken_off:  # by a signal, in the middle of a line
                data = b"\n" + data
            self._broken_off = True
            while data:
                data = data[os.write(self._fd, data) :]
            self._broken_off = False


def capped(value: Any) -> Any:
    """`value` with every text in it cut to `TEXT_CHARACTERS`."""
    if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
        return f"{value[:TEXT_CHARACTERS]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: capped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [capped(item) for item in value]
    return value
