"""Reads what a command writes: the end of its output, and lines."""

import os
import selectors
from collections.abc import Callable
from dataclasses import dataclass, field

LINE_CAP = 16 * 1024 * 1024
"""Bytes of one line; what exceeds it is dropped."""

READ_BYTES = 65_536


@dataclass
class Output:
    """Keeps the end of what it is fed."""

    cap: int
    kept: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> None:
        """Add more output."""
        self.kept += data
        if len(self.kept) > 2 * self.cap:
            del self.kept[: -self.cap]

    def value(self) -> bytes:
        """The last `cap` bytes."""
        return bytes(self.kept[-self.cap :])


@dataclass
class Lines:
    """Cuts what it is fed into lines."""

    on_line: Callable[[bytes], None]
    pending: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> None:
        """Add more bytes; whole lines are handed on at once."""
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._keep(part)
            self.flush()
        self._keep(rest)

    def flush(self) -> None:
        """Hand on what is left without a line end."""
        if self.pending:
            line = bytes(self.pending)
            self.pending.clear()
            self.on_line(line)

    def _keep(self, part: bytes) -> None:
        self.pending += part[: max(0, LINE_CAP - len(self.pending))]


class Capture:
    """The reading ends of a command's pipes."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.fds: list[int] = []

    def pipe(self, feed: Callable[[bytes], None]) -> int:
        """Open a pipe whose data goes to `feed`; its writing end."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self.fds.append(reading)
        self.selector.register(reading, selectors.EVENT_READ, feed)
        return writing

    @property
    def at_end(self) -> bool:
        """Every writer is gone."""
        return not self.selector.get_map()

    def read(self, seconds: float) -> bool:
        """Read once what there is, waiting for at most `seconds`; whether there was anything."""
        if self.at_end:
            return False
        ready = self.selector.select(seconds)
        for key, _ in ready:
            data = os.read(key.fd, READ_BYTES)
            if data:
                key.data(data)
            else:
                self.selector.unregister(key.fd)
        return bool(ready)

    def close(self) -> None:
        """Close our ends; whoever still writes gets an error."""
        self.selector.close()
        for fd in self.fds:
            os.close(fd)
