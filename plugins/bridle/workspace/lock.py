"""A lock between processes of one host that ends with whoever holds it."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridle.errors import ForgeDown

log = logging.getLogger(__name__)

_QUIET_SECONDS = 5.0
"""How long to wait without a word."""


@contextmanager
def locked(path: Path, *, wait_seconds: float) -> Iterator[int]:
    """Hold the lock at `path`; yields its descriptor.

    A child that inherits the descriptor holds the lock too, so that it stays taken while a git whose
    parent was killed is still writing. The kernel lets go when the last holder is dead.

    Raises:
        ForgeDown: somebody else has held it for `wait_seconds`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        told = time.monotonic() + _QUIET_SECONDS
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                raise ForgeDown(f"another process has held {path} for {wait_seconds:g} s; try again later")
            if time.monotonic() > told:
                log.info("waiting for another process, which holds %s", path)
                told = deadline
            time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at `path`.

    Raises:
        FileNotFoundError: there is no lock; none is made, where its owner may be about to remove the folder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return not _taken(descriptor, fcntl.LOCK_SH)  # two who only ask do not see each other
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
