"""Whose a session's folder is, and whether its owner lives."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridle.workspace.lock import is_held, locked

LOCK = "lock"
MARKER = "host"
"""Names below a held folder; `LOCK` is there for as long as `MARKER` is."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_FOREIGN_SECONDS = 24 * 3600.0
"""A folder of another host is shared storage, or what a container that is gone has left: its lock may tell
nothing, its age does."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process, until the block ends or the process dies."""
    with locked(folder / LOCK, wait_seconds=1):
        # after the lock: who sees it knows that the lock was taken
        (folder / MARKER).write_text(_here())
        yield


def is_abandoned(folder: Path) -> bool:
    """Whether nobody works in `folder` any more."""
    marker = folder / MARKER
    with suppress(FileNotFoundError):
        if marker.exists():
            if is_held(folder / LOCK):
                return False
            # an owner that lives, and removes its folder, lets go of the lock after the marker is gone
            return _same_kernel(marker.read_text()) or _age(marker) > _FOREIGN_SECONDS
    return _age(folder) > _FOREIGN_SECONDS  # just being made, or removed, unless it stays so


def _age(path: Path) -> float:
    """Seconds since it was changed; of what is gone, none."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _here() -> str:
    return f"{socket.gethostname()}\n{_boot()}\n"


def _same_kernel(marker: str) -> bool:
    """Whether the folder was made on this host, or under this kernel: by a container that is gone, say."""
    name, _, boot = marker.strip().partition("\n")
    return name == socket.gethostname() or (bool(boot) and boot == _boot())


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else ""
