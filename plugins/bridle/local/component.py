"""One long-running process of the stack, started again when it exits."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridle.local.report import ComponentReport
from bridle.local.tether import tether

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_SETTLED_SECONDS = 60.0


class Component:
    """A process with a name, a log and a restart policy.

    Args:
        name: as shown to people.
        argv: program and arguments.
        env: all of its environment.
        log: appended to.
    """

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.restarts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._argv = argv
        self._env = env
        self._log = log
        self._pause = _FIRST_PAUSE_SECONDS
        self._started = 0.0
        self._due = 0.0

    def start(self) -> None:
        """Start the process; from the main thread, with whose process it dies."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tether(signal.SIGKILL),  # noqa: PLW1509 (two system calls, no lock taken)
            )
        self._started = time.monotonic()

    def tend(self) -> bool:
        """Start the process again when it has exited and its pause is over.

        The pause doubles with each exit, up to 30 s, and is forgotten after a minute of work.

        Returns:
            Whether something changed.
        """
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return False
            if now - self._started > _SETTLED_SECONDS:
                self._pause = _FIRST_PAUSE_SECONDS
            self.process = None
            self._due = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
            return True
        if now < self._due:
            return False
        self.restarts += 1
        self.start()
        return True

    def terminate(self) -> None:
        """Ask the process to end; `end` it afterwards."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Wait until the process has ended; it is killed at `deadline` (time.monotonic)."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def report(self) -> ComponentReport:
        """Its state."""
        return ComponentReport(pid=self.process.pid if self.process else None, restarts=self.restarts)
