"""A provider's calls at once, counted on one host across all its processes.

A slot is a file with a lock on it. The kernel gives the lock back when its process ends, however it ends, so
nothing has to be cleaned up and no slot is ever lost.
"""

import asyncio
import fcntl
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

_LOOK_SECONDS = (0.05, 0.15)
"""How long to wait between two looks for a free slot: little beside a call, and anywhere in between, so that
nobody is always first."""


class Slots:
    """The slots of one provider.

    Args:
        folder: where this host keeps slots, the same for all its tasks.
        provider: whose they are.
        count: how many there are.
    """

    def __init__(self, folder: Path, provider: str, count: int) -> None:
        self._folder = folder / quote(provider, safe="")
        self.provider = provider
        self.count = count

    def slot(self) -> "Slot":
        """A slot to take."""
        # whoever can open a slot can hold it: not the agents, which are other users here
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Slot([self._folder / str(number) for number in range(self.count)])


class Slot:
    """One of several files, once it is taken."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files
        self._held: int | None = None

    def try_take(self) -> bool:
        """Take a free one, if there is any now."""
        for file in random.sample(self._files, len(self._files)):
            held = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(held)
            else:
                self._held = held
                return True
        return False

    async def take(self, on_wait: Callable[[float], Awaitable[None]]) -> None:
        """Wait for a free one.

        Args:
            on_wait: called many times a second with the seconds that it took so far.
        """
        began = time.monotonic()
        while not self.try_take():
            await on_wait(time.monotonic() - began)
            await asyncio.sleep(random.uniform(*_LOOK_SECONDS))  # noqa: S311 (no secret)

    def release(self) -> None:
        """Give it back, if it is held."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)
