"""Whose a session's folder is, and whether its owner lives."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridle.workspace.lock import is_held, locked

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_FOREIGN_SECONDS = 24 * 3600.0
"""A folder of another host is shared storage, or what a container that is gone has left: its lock may tell
nothing, its age does."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process, until the block ends or the process dies."""
    with locked(folder / "lock", wait_seconds=1):
        # after the lock: who sees it knows that the lock was taken
        (folder / "host").write_text(_here())
        yield


def is_abandoned(folder: Path) -> bool:
    """Whether nobody works in `folder` any more."""
    marker = folder / "host"
    try:
        if not marker.exists():  # just being made, unless it stays so
            return _age(folder) > _FOREIGN_SECONDS
        if is_held(folder / "lock"):
            return False
        return _same_kernel(marker.read_text()) or _age(marker) > _FOREIGN_SECONDS
    except FileNotFoundError:  # its owner has just removed it
        return False


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _here() -> str:
    return f"{socket.gethostname()}\n{_boot()}\n"


def _same_kernel(marker: str) -> bool:
    """Whether the folder was made on this host, or under this kernel: by a container that is gone, say."""
    name, _, boot = marker.strip().partition("\n")
    return name == socket.gethostname() or (bool(boot) and boot == _boot())


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else ""
