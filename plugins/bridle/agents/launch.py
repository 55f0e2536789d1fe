"""Runs a session in a child process, from the operator's side."""

import base64
import json
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from bridle.agents.base import Event, EventKind, Outcome, SessionResult, SessionSpec
from bridle.agents.ending import failed
from bridle.errors import ConfigError
from bridle.process.child import Finished, run
from bridle.process.environment import child_environment
from bridle.process.sandbox import Isolation, Sandbox

TRANSCRIPT_CAP = 64 * 1024 * 1024
"""Bytes; what exceeds it is dropped, and the session cannot be resumed."""

IN_MEMORY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Launched:
    """What came of a session."""

    result: SessionResult
    transcript: bytes | None
    """What the agent needs to resume; None when there is nothing to resume."""


def launch(
    spec: SessionSpec,
    *,
    sandbox: Sandbox,
    stop: threading.Event,
    on_event: Callable[[Event], None],
    on_transcript: Callable[[bytes], None] | None = None,
    last_traffic: Callable[[], float] | None = None,
) -> Launched:
    """Run a session to its end; nothing of it is left when this returns or raises.

    Args:
        spec: the session.
        sandbox: what it may touch; the work tree and the home must be among its writable folders.
        stop: set from anywhere to end it.
        on_event: called on this thread with every event, as it happens.
        on_transcript: called on this thread with every piece of the transcript, so that it can be kept while
            the session still runs.
        last_traffic: `time.monotonic()` of the last model traffic, as the gateway saw it.

    Raises:
        ConfigError: the agent is unknown or not installed, or the sandbox cannot be set up.
    """
    if sandbox.isolation is Isolation.SANDBOX and sandbox.network != "host":
        if spec.gateway_socket is not None:
            sandbox = sandbox.reading(spec.gateway_socket)
    else:
        spec = spec.model_copy(update={"gateway_socket": None})
    if spec.resume is not None:
        sandbox = sandbox.reading(spec.resume.transcript)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as transcript:
        heard = _Heard(on_event, transcript, on_transcript)
        finished = run(
            # -I: the work tree must not be on the import path.
            [sys.executable, "-I", "-m", "bridle.agents.runner"],
            cwd=spec.workdir,
            env=child_environment(spec.home, spec.env),
            sandbox=sandbox,
            timeout_seconds=spec.limits.minutes * 60,
            idle_seconds=spec.limits.idle_minutes * 60,
            stop=stop,
            stdin=spec.model_dump_json().encode(),
            on_line=heard.line,
            lines_fd=True,
            last_activity=last_traffic,
        )
        return Launched(heard.result or _ended(spec, finished, heard), heard.whole_transcript())


def _ended(spec: SessionSpec, finished: Finished, heard: "_Heard") -> SessionResult:
    """The result of a session whose runner did not live to tell one."""
    known: dict[str, Any] = {"session_ref": heard.session_ref, "turns": heard.turns}
    if finished.ended == "stopped":
        return failed("stopped: the task was asked to end", Outcome.STOPPED, **known)
    if finished.ended == "timeout":
        return failed(f"time: not done after {spec.limits.minutes:g} minutes", Outcome.LIMIT, **known)
    if finished.ended == "idle":
        reason = f"idle: neither an event nor model traffic for {spec.limits.idle_minutes:g} minutes"
        return failed(reason, retryable=True, **known)
    last = finished.tail.strip().splitlines()[-1:] or ["it said nothing"]
    reason = f"lost: the agent's process ended with exit code {finished.exit_code}: {last[0]}"
    return failed(reason, Outcome.LOST, retryable=True, **known)


_READ: dict[str, Callable[[Any], Event | SessionResult | ConfigError | bytes]] = {
    "event": Event.model_validate,
    "result": SessionResult.model_validate,
    "config_error": ConfigError,
    "transcript": base64.b64decode,
}


@dataclass
class _Heard:
    """What the runner has told so far."""

    on_event: Callable[[Event], None]
    transcript: IO[bytes]
    on_transcript: Callable[[bytes], None] | None = None
    result: SessionResult | None = None
    session_ref: str = ""
    turns: int = 0
    _room: int = field(default=TRANSCRIPT_CAP)

    def line(self, line: bytes) -> None:
        """Take one line of the pipe."""
        try:
            (key, value), *_ = json.loads(line).items()
            heard = _READ[key](value)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            message = (
                f"the agent's process wrote a line of {len(line)} bytes that cannot be read; it is left out"
            )
            heard = Event(kind=EventKind.ERROR, payload={"message": message, "retryable": False})
        match heard:
            case Event():
                self._event(heard)
            case SessionResult():
                self.result = heard
            case ConfigError():
                raise heard
            case bytes():
                self._append(heard)

    def whole_transcript(self) -> bytes | None:
        """The transcript, unless it is empty or incomplete."""
        if self._room < 0 or self._room == TRANSCRIPT_CAP:
            return None
        self.transcript.seek(0)
        return self.transcript.read()

    def _event(self, event: Event) -> None:
        self.session_ref = event.payload.get("session_ref") or self.session_ref
        self.turns = event.payload.get("turn") or self.turns
        self.on_event(event)

    def _append(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room >= 0:
            self.transcript.write(chunk)
            if self.on_transcript is not None:
                self.on_transcript(chunk)
