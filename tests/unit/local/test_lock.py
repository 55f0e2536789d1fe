"""One supervisor per stack, however the last one died."""

import subprocess
import sys
from pathlib import Path

from bridle.local.lock import StackLock

HOLDER = (
    "import sys, time; from pathlib import Path; from bridle.local.lock import StackLock;"
    "print(StackLock(Path(sys.argv[1])).acquire(), flush=True); time.sleep(60)"
)


def test_nobody_holds_a_lock_that_was_never_taken(tmp_path: Path) -> None:
    assert not StackLock(tmp_path / "lock").held()


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    lock = StackLock(tmp_path / "lock")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock.path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "True\n"
        assert lock.held()
        assert not lock.acquire(patience_seconds=0.1)
    finally:
        holder.kill()
        holder.communicate()
    assert not lock.held()
    assert lock.acquire()
