import contextlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridle.process.environment import child_environment
from patience import PATIENCE


class Mark:
    """A number of seconds to sleep that no other test uses: finds a test's processes again."""

    def __init__(self) -> None:
        self.seconds = f"{1000 + uuid.uuid4().int % 1_000_000}.{uuid.uuid4().int % 1_000_000:06}"

    def alive(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if self.seconds.encode() in words:
                        found.append(int(entry.name))
        return found

    def wait(self, wanted: Callable[[list[int]], bool]) -> list[int]:
        until = time.monotonic() + PATIENCE
        while not wanted(found := self.alive()) and time.monotonic() < until:
            time.sleep(0.02)
        return found


@pytest.fixture
def mark() -> Mark:
    return Mark()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Like `tmp_path`, but other users may enter it."""
    place = Path(tempfile.mkdtemp(prefix="bridle-test-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def env(folder: Path) -> dict[str, str]:
    return child_environment(folder / "home")
