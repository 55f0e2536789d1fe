"""A session's processes, found from outside."""

from collections.abc import Callable
from typing import TypeVar

import psutil

from bridle.process import supervisor
from patience import pauses_until, until

T = TypeVar("T")
SUPERVISOR = supervisor.__file__


def processes_of(session_id: str) -> list[psutil.Process]:
    """What works for a session: its supervisor, its sandbox, its agent and what that has started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                any(session_id in value for value in process.environ().values())
                or any(session_id in word for word in process.cmdline())
            ):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def task_process(session_id: str) -> psutil.Process:
    """The Airflow task whose session it is: the parent of the session's supervisor."""
    (found,) = [
        it for it in processes_of(session_id) if SUPERVISOR in it.cmdline() and "--parent" in it.cmdline()
    ]
    words = found.cmdline()
    return psutil.Process(int(words[words.index("--parent") + 1]))


def eventually(what: str, look: Callable[[], T], seconds: float) -> T:
    """The first true answer of `look`.

    Raises:
        AssertionError: there is none in time.
    """
    return until(what, look, seconds, pause=0.2)


def seconds_until_gone(session_id: str) -> float:
    """How long it takes until nothing of a session is left; see `pauses_until`."""
    return pauses_until(f"session {session_id} has no process", lambda: not processes_of(session_id))
