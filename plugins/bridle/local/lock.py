"""One supervisor per stack: a lock that the kernel takes back when its holder dies, however it dies."""

import fcntl
import os
import time
from pathlib import Path


class StackLock:
    """An advisory lock on a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, patience_seconds: float = 2.0) -> bool:
        """Take the lock for as long as this process lives; False when another process has it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience_seconds
        while not _locked(descriptor):
            # somebody may only be asking whether it is held
            if time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(0.05)
        self._descriptor = descriptor
        return True

    def held(self) -> bool:
        """Whether some process has the lock."""
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _locked(descriptor, fcntl.LOCK_SH)  # two who only ask do not see each other
        finally:
            os.close(descriptor)


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
