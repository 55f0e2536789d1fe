"""Stands between a task and a command, so that nothing of the command outlives the task.

Run as a script by `bridle.process.child`, standard library only: it must start in a few milliseconds and must
not depend on what the command may change. Coding agents put tool commands into sessions of their own, so
killing a process group is not enough: the supervisor adopts every orphan below it and ends the whole tree
when the command exits, when it is told to stop, or when its own parent is gone.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINES_FD = 3
"""Where the command finds the pipe for its lines."""
PARENT_GONE = 125
CANNOT_START = 127
KILL_SECONDS = 5.0
"""How long to go on killing; only a process that the kernel holds on to needs more."""


def prctl(option: int, value: int) -> None:
    """Set a process attribute where the kernel has it; elsewhere the control pipe has to do alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def processes() -> Iterator[tuple[int, int, str]]:
    """Pid, parent's pid and name of every process that is not a zombie."""
    if sys.platform != "linux":
        table = subprocess.run(
            ["/bin/ps", "-axo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
        )
        for line in table.stdout.splitlines():
            pid, parent, name = line.split(maxsplit=2)
            yield int(pid), int(parent), name
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it ended while we looked
                head, _, tail = (entry / "stat").read_bytes().rpartition(b") ")
                state, parent_pid = tail.split()[:2]
                if state not in (b"Z", b"X"):
                    yield int(entry.name), int(parent_pid), head.partition(b" (")[2].decode(errors="replace")


def descendants(root: int) -> dict[int, str]:
    """Pid and name of everything below `root`."""
    children: dict[int, list[tuple[int, str]]] = {}
    for pid, parent, name in processes():
        children.setdefault(parent, []).append((pid, name))
    found: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for pid, name in children.get(waiting.pop(), ()):
            found[pid] = name
            waiting.append(pid)
    return found


def send(pid: int, number: int) -> None:
    """Signal a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


class Supervisor:
    """Runs one command and answers for everything that comes of it."""

    def __init__(self, argv: list[str], *, grace: float, control_fd: int, lines_fd: int | None) -> None:
        self.argv = argv
        self.grace = grace
        self.control_fd = control_fd
        self.lines_fd = lines_fd
        self.exit_code: int | None = None

    def run(self) -> int:
        """Exit code of the command; 128 + signal number when a signal ended it."""
        wake, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self.child = self._start()
        asked_to_stop = False
        while not asked_to_stop:
            self._reap()
            if self.exit_code is not None:
                break
            ready, _, _ = select.select([wake, self.control_fd], [], [])
            if wake in ready:
                asked_to_stop = any(number != signal.SIGCHLD for number in os.read(wake, 4096))
            if self.control_fd in ready:
                asked_to_stop = True
        self._end_tree(self.grace if asked_to_stop else 0)
        return self.exit_code if self.exit_code is not None else 128 + signal.SIGKILL

    def _start(self) -> int:
        me = os.getpid()
        child = os.fork()
        if child:
            return child
        try:
            os.setsid()  # `kill 0` in the command must not reach the supervisor
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != me:
                os._exit(PARENT_GONE)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            if self.lines_fd is not None:
                os.dup2(self.lines_fd, LINES_FD)
                os.set_inheritable(LINES_FD, True)
            os.execvp(self.argv[0], self.argv)  # noqa: S606
        except OSError as error:
            os.write(2, f"cannot start {self.argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(CANNOT_START)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.child:
                code = os.waitstatus_to_exitcode(status)
                self.exit_code = code if code >= 0 else 128 - code

    def _end_tree(self, grace: float) -> None:
        me = os.getpid()
        if grace:
            for pid, name in descendants(me).items():
                if name != "bwrap":  # it would take its whole sandbox with it, without any grace
                    send(pid, signal.SIGTERM)
            patience = time.monotonic() + grace
            while descendants(me) and time.monotonic() < patience:
                time.sleep(0.02)
                self._reap()
        patience = time.monotonic() + KILL_SECONDS
        while (left := descendants(me)) and time.monotonic() < patience:
            for pid in left:
                send(pid, signal.SIGKILL)
            time.sleep(0.005)
            self._reap()
        self._reap()


def main() -> int:
    """Read the command line and supervise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--lines-fd", type=int)
    parser.add_argument("--grace", type=float, default=2.0)
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != options.parent:
        return PARENT_GONE
    for number in (options.control_fd, options.lines_fd):
        if number is not None:
            os.set_inheritable(number, False)
    supervisor = Supervisor(
        options.argv, grace=options.grace, control_fd=options.control_fd, lines_fd=options.lines_fd
    )
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
