"""Processes of a stack that nobody looks after any more."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from bridle.local.environment import MARKER

_IDLE_WORKER = "<idle>"


def end_leftovers(state: Path) -> int:
    """Kill what a killed supervisor of the stack in `state` has left; returns how many there were."""
    mine = os.getpid()
    left = [it for it in psutil.process_iter() if it.pid != mine and _stack_of(it) == str(state)]
    kill(left)
    return len(left)


def collect_orphans(known: set[int]) -> None:
    """Tidy up the processes that this one has inherited: collect the dead, end idle executor workers.

    An executor worker whose scheduler was killed finishes its task, tells the API server, and then waits for
    work that can never come.

    Args:
        known: pids of our own children; they are left alone.
    """
    for child in psutil.Process().children():
        if child.pid in known:
            continue
        try:
            if child.status() != psutil.STATUS_ZOMBIE and _IDLE_WORKER in " ".join(child.cmdline()):
                child.kill()
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
        except (psutil.NoSuchProcess, ChildProcessError):
            continue


def end_descendants(*, but: set[int], timeout_seconds: float = 5.0) -> None:
    """Kill everything below this process, except the children in `but` and what is below them."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        spared = {pid for root in but for pid in _tree(root)}
        left = [child for child in psutil.Process().children(recursive=True) if child.pid not in spared]
        if not left:
            return
        kill(left)


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill and wait a moment for each to be gone."""
    killed = []
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        killed.append(process)
    psutil.wait_procs(killed, timeout=2)


def _tree(root: int) -> list[int]:
    try:
        return [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _stack_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARKER)
    except (psutil.Error, OSError):  # another user's, or gone
        return None
