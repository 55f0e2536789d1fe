"""The server that an earlier, killed owner may have left on a data folder."""

import contextlib
import signal
import time
from pathlib import Path

import psutil

from bridle.errors import StackError

_REQUESTS = ((signal.SIGINT, 8.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))


def clear_way(data: Path) -> None:
    """Make sure that no server runs on `data`, so that one can be started.

    A server of another owner that is alive is stopped cleanly. A dead one whose process is still listed,
    because nobody has collected it yet, makes PostgreSQL refuse to start: its lock file is removed once no
    process of that server is left.

    Raises:
        StackError: it cannot be stopped.
    """
    lock = data / "postmaster.pid"
    for request, seconds in _REQUESTS:
        living = _servers(data)
        if not living:
            break
        for server in living:
            with contextlib.suppress(psutil.NoSuchProcess):  # a child may end between the look and the signal
                server.send_signal(request)
        deadline = time.monotonic() + seconds
        while _servers(data) and time.monotonic() < deadline:
            time.sleep(0.05)
    if _servers(data):
        raise StackError(f"another PostgreSQL runs on {data} and cannot be stopped; end it first")
    lock.unlink(missing_ok=True)


def _servers(data: Path) -> list[psutil.Process]:
    """Processes that work in `data`: PostgreSQL's postmaster and all its children have it as their folder."""
    return [
        process
        for process in psutil.process_iter(["cwd", "status"])
        if process.info["cwd"] == str(data) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
