"""Processes of the machine, looked at from outside: each may end between two looks at it."""

from collections.abc import Callable, Iterable

import psutil


def found(
    match: Callable[[psutil.Process], object], among: Iterable[psutil.Process] | None = None
) -> list[psutil.Process]:
    """The processes that live and match; one that ends, or is a zombie, while it is asked does not.

    Args:
        match: asks a process for whatever it needs.
        among: where to look; the whole machine by default.
    """
    matching = []
    for process in psutil.process_iter() if among is None else among:
        try:
            if process.status() != psutil.STATUS_ZOMBIE and match(process):
                matching.append(process)
        except (psutil.Error, OSError):
            continue
    return matching


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie is dead, it only waits for whoever inherited it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
