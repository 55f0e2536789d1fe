"""Waiting for what is sure to come, and times that are the product's and not those of a busy machine."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 120
"""Seconds to wait for what is sure to come: a machine that is full, or stands still, takes its time."""


def until(what: str, look: Callable[[], T], seconds: float = PATIENCE, *, pause: float = 0.02) -> T:
    """The first true answer of `look`.

    Raises:
        AssertionError: there is none in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
    return answer


def pauses_until(what: str, look: Callable[[], object], *, pause: float = 0.2) -> float:
    """Seconds until `look` is true, by a clock that stands still while the machine does.

    It counts its own pauses: neither a machine that stops for a while nor slow looks make them more.

    Raises:
        AssertionError: it does not come true in time.
    """
    deadline = time.monotonic() + PATIENCE
    pauses = 0
    while not look():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(pause)
        pauses += 1
    return pauses * pause


def quickest(act: Callable[[], float], *, enough: float, tries: int = 10) -> float:
    """Seconds of the first try that took less than `enough`, else of the quickest.

    A machine holds up one try or another; what is slow by itself is slow each time.

    Args:
        act: one try; returns how long it took.
        enough: seconds that a sound product needs less than.
        tries: at most so many.
    """
    best = act()
    for _ in range(tries - 1):
        if best < enough:
            break
        best = min(best, act())
    return best
