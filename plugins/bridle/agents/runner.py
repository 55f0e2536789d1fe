"""Runs one session in the child process: `python -m bridle.agents.runner`.

Reads a `SessionSpec` as JSON on standard input. Writes JSON lines on file descriptor 3: `{"event": …}`,
`{"transcript": base64}`, and at the end `{"result": …}`, or `{"config_error": …}` when nothing was started.
"""

import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from bridle.agents import get
from bridle.agents.base import Agent, Event, EventKind, SessionSpec
from bridle.agents.forward import forward
from bridle.agents.pipe import Pipe
from bridle.errors import InvalidInput

LINES_FD = 3
TRANSCRIPT_SECONDS = 1.0
"""How often the transcript is looked at beside events: CLIs write theirs a while after they tell of it."""


def main() -> None:
    """Run the session."""
    # an SDK is thousands of modules: looking for garbage among them takes an eighth of the start
    gc.disable()
    pipe = Pipe(LINES_FD)
    # The transcript so far is worth more than a quick death: `finally` below sends it.
    signal.signal(signal.SIGTERM, _end)
    spec = SessionSpec.model_validate_json(sys.stdin.buffer.read())
    try:
        agent = get(spec.agent)()
        if spec.gateway_socket is not None:
            forward(spec.gateway_url, spec.gateway_socket)

        def on_event(event: Event) -> None:
            if not gc.isenabled():
                gc.freeze()
                gc.enable()
            pipe.event(event)
            pipe.transcript(agent.transcript(spec.home))

        threading.Thread(target=_follow, args=(pipe, agent, spec), daemon=True).start()
        try:
            result = agent.run(spec, on_event)
        finally:
            pipe.transcript(agent.transcript(spec.home))
    except InvalidInput as error:
        pipe.line("config_error", str(error))
        return
    pipe.event(
        Event(
            kind=EventKind.FINISHED,
            payload={"outcome": result.outcome.value, "reason": result.reason, "turn": result.turns},
        )
    )
    pipe.line("result", result.model_dump(mode="json"))
    sys.stdout.flush()
    sys.stderr.flush()
    # all is told: taking the SDK's thousands of modules apart would take most of a second
    os._exit(0)


def _follow(pipe: Pipe, agent: Agent, spec: SessionSpec) -> NoReturn:
    """Send the transcript while a tool runs, too: a kill then loses no more than that call."""
    while True:
        time.sleep(TRANSCRIPT_SECONDS)
        with suppress(OSError):  # the file is the CLI's own: it may be replaced at any time
            pipe.transcript(agent.transcript(spec.home))


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
