"""What it means that this host has no room left, whoever finds out: git, an agent, or the task itself."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridle.errors import NoRoom

_FULL = ("No space left on device", "Out of diskspace", "Disk quota exceeded", "File too large")
_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOTHING_BYTES = 1024 * 1024
"""So little is as good as none: a command has ended meanwhile, and its last file is gone."""


def no_room(said: str) -> bool:
    """Whether a program failed because there was no room for what it would write, by its own words."""
    return any(words in said for words in _FULL)


def telling(said: str) -> str:
    """The line of a program's output that says so; the last one when none does."""
    lines = said.strip().splitlines() or [""]
    return next(filter(no_room, lines), lines[-1])


def is_full(place: Path) -> bool:
    """Whether the file system of `place` has no room now."""
    return shutil.disk_usage(place).free < _NOTHING_BYTES


def out_of_room(said: str) -> NoRoom:
    """The error that says so; `said` is what failed, and where."""
    return NoRoom(
        "this host's disk is full: make room in [bridle] home, or where TMPDIR is (`bridle doctor` looks), "
        f"then clear the task: {said}"
    )


@contextmanager
def room_told() -> Iterator[None]:
    """Turn what the operating system says about a full disk into that error, for the length of the block."""
    try:
        yield
    except OSError as error:
        if error.errno in _NUMBERS:
            raise out_of_room(str(error)) from error
        raise
