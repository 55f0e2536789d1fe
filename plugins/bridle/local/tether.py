"""Children that do not outlive the process that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def tether(on_death: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that lets the kernel send `on_death` to the child when its parent dies.

    The kernel means the parent's *thread*: start such children from the main thread. None where there is no
    such signal (macOS).
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, on_death)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return in_child


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none is lost (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
