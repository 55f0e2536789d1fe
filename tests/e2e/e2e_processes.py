"""A session's processes, found from outside."""

from collections.abc import Callable
from typing import TypeVar

import psutil

from bridle.process import supervisor
from patience import pauses_until, until
from processes import found

T = TypeVar("T")
SUPERVISOR = supervisor.__file__


def processes_of(session_id: str) -> list[psutil.Process]:
    """What works for a session: its supervisor, its sandbox, its agent and what that has started."""
    return found(lambda it: any(session_id in told for told in (*it.environ().values(), *it.cmdline())))


def task_process(session_id: str) -> psutil.Process:
    """The Airflow task whose session it is: the parent of the session's supervisor."""
    (its_supervisor,) = found(
        lambda it: SUPERVISOR in it.cmdline() and "--parent" in it.cmdline(), processes_of(session_id)
    )
    words = its_supervisor.cmdline()
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
