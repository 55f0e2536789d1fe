"""Runs one command under the supervisor: checks and agents alike."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bridle.process import supervisor
from bridle.process.capture import Capture, Lines, Output
from bridle.process.sandbox import Sandbox

Ended = Literal["exit", "timeout", "idle", "stopped"]

OUTPUT_CAP = 1_000_000
TAIL_BYTES = 4_000
POLL_SECONDS = 0.1
DRAIN_SECONDS = 2.0
STUCK_SECONDS = supervisor.KILL_SECONDS + 1.0
"""After the grace, how long the supervisor may need before it is killed itself."""


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    exit_code: int
    """The command's own; 128 + signal number for a signal; negative when its supervisor was killed."""
    output: bytes
    """Standard output and error together; the last `output_cap` bytes."""
    seconds: float
    ended: Ended

    @property
    def tail(self) -> str:
        """The last few kilobytes of the output, as text."""
        return self.output[-TAIL_BYTES:].decode(errors="replace")


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_seconds: float,
    sandbox: Sandbox | None = None,
    idle_seconds: float | None = None,
    stop: threading.Event | None = None,
    stdin: bytes = b"",
    on_line: Callable[[bytes], None] | None = None,
    lines_fd: bool = False,
    last_activity: Callable[[], float] | None = None,
    output_cap: int = OUTPUT_CAP,
    grace_seconds: float = 2.0,
) -> Finished:
    """Run a command to its end; nothing of it is left when this returns or raises.

    Args:
        argv: the command; the sandbox is put around it.
        cwd: where it works.
        env: its whole environment, see `child_environment`.
        timeout_seconds: wall clock.
        sandbox: what it may touch; None: no isolation.
        idle_seconds: end it after so long without output, a line, or other activity; None: never.
        stop: set from anywhere to end it.
        stdin: what it reads on standard input.
        on_line: called here, on this thread, with every line of the output, or of the lines pipe.
        lines_fd: give the command a pipe of its own for lines as file descriptor 3.
        last_activity: `time.monotonic()` of activity seen elsewhere, for instance by the gateway.
        output_cap: bytes of output to keep, counted from the end.
        grace_seconds: between asking it to end and killing it.

    Raises:
        ConfigError: the sandbox cannot be set up for these folders.
    """
    if sandbox is not None:
        sandbox.prepare()
        argv = sandbox.wrap(argv, cwd=cwd)
    output = Output(output_cap)
    lines = Lines(on_line) if on_line else None

    def feed_output(data: bytes) -> None:
        output.feed(data)
        if lines and not lines_fd:
            lines.feed(data)

    before = set(supervisor.descendants(os.getpid()))
    started = last_seen = time.monotonic()
    ended: Ended = "exit"

    def why_end() -> Ended:
        now = time.monotonic()
        active = max(last_seen, last_activity() if last_activity else 0.0)
        if stop and stop.is_set():
            return "stopped"
        if now - started > timeout_seconds:
            return "timeout"
        return "idle" if idle_seconds is not None and now - active > idle_seconds else "exit"

    with contextlib.ExitStack() as cleanup:
        capture = Capture()
        cleanup.callback(capture.close)
        writing = {"output": capture.pipe(feed_output)}
        if lines and lines_fd:
            writing["lines"] = capture.pipe(lines.feed)
        supervised = _Supervised(argv, cwd, env, stdin=stdin, grace=grace_seconds, writing=writing)
        cleanup.callback(supervised.finish, before)
        while supervised.process.poll() is None and ended == "exit":
            if capture.read(POLL_SECONDS):
                last_seen = time.monotonic()
            elif capture.at_end:  # mostly because it is just ending
                supervised.await_exit(POLL_SECONDS)
            ended = why_end()
        supervised.end()
        # Read on, so that nobody blocks on a full pipe.
        while supervised.process.poll() is None and not supervised.is_stuck():
            if not capture.read(POLL_SECONDS) and capture.at_end:
                supervised.await_exit(POLL_SECONDS)
        patience = time.monotonic() + DRAIN_SECONDS  # an orphan of a killed supervisor may write for ever
        while capture.read(0) and time.monotonic() < patience:
            pass
        if lines:
            lines.flush()
    return Finished(supervised.process.returncode, output.value(), time.monotonic() - started, ended)


class _Supervised:
    """A supervisor with its command, and the pipe whose closing tells it to end everything."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        *,
        stdin: bytes,
        grace: float,
        writing: dict[str, int],
    ) -> None:
        self.patience = grace + STUCK_SECONDS
        self.ending_since: float | None = None
        control_read, control_write = os.pipe()
        self.control: int | None = control_write
        theirs = [control_read, *writing.values()]
        command = [sys.executable, "-I", "-S", supervisor.__file__]
        command += ["--parent", str(os.getpid()), "--control-fd", str(control_read), "--grace", str(grace)]
        if "lines" in writing:
            command += ["--lines-fd", str(writing["lines"])]
        try:
            with tempfile.TemporaryFile() as given:
                given.write(stdin)
                given.seek(0)
                self.process = subprocess.Popen(
                    [*command, "--", *argv],
                    cwd=cwd,
                    env=dict(env),
                    stdin=given,
                    stdout=writing["output"],
                    stderr=writing["output"],
                    pass_fds=[fd for fd in theirs if fd != writing["output"]],
                    start_new_session=True,
                )
        except BaseException:
            self.end()
            raise
        finally:
            for fd in theirs:
                os.close(fd)

    def end(self) -> None:
        """Tell the supervisor to end the tree."""
        if self.control is not None:
            os.close(self.control)
            self.control = None
            self.ending_since = time.monotonic()

    def is_stuck(self) -> bool:
        """Whether it should have ended by now."""
        return self.ending_since is not None and time.monotonic() - self.ending_since > self.patience

    def await_exit(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def finish(self, before: set[int]) -> None:
        """Make sure that it is gone, and all that came of it."""
        self.end()
        self.await_exit(self.patience)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.returncode < 0:
            _sweep_orphans(before)


def _sweep_orphans(before: set[int]) -> None:
    """Somebody killed the supervisor: what it left came to us, when `guard_task` made us adopt orphans."""
    patience = time.monotonic() + supervisor.KILL_SECONDS
    while time.monotonic() < patience:
        left = set(supervisor.descendants(os.getpid())) - before
        if not left:
            return
        for pid in left:
            supervisor.send(pid, signal.SIGKILL)
        time.sleep(0.01)
