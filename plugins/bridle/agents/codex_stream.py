"""Codex's stream of JSON lines, as events."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridle.agents.base import Event, EventKind, SessionSpec
from bridle.agents.render import title
from bridle.agents.rollout import Answers

_STATUS = re.compile(r"(?:unexpected status|last status:) (\d{3})")
_UNANSWERED = ("Reconnecting", "stream disconnected", "error sending request", "timed out", "timeout")


@dataclass(frozen=True)
class Ending:
    """How one run of the CLI ended."""

    error: str | None = None
    """None: it came to its end."""
    asked: bool = False
    """Whether it was the model's API that ended it, or kept silent."""
    status: int | None = None
    """Its HTTP status, where the error tells it."""


class CodexStream:
    """Turns lines into events, and counts turns.

    Args:
        spec: the session.
        config: CODEX_HOME.
        on_event: where the events go.
    """

    def __init__(self, spec: SessionSpec, config: Path, on_event: Callable[[Event], None]) -> None:
        self.spec = spec
        self.session_ref = ""
        self.last_text = ""
        self.reported: dict[str, Any] = {}
        self._on_event = on_event
        self._answers = Answers(config)
        self._before = 0
        self._failure = ""
        self._finished = False
        self._started = False
        self._told: Counter[str] = Counter()
        """Commands that the stream has told of, and the rollout has not yet."""

    @property
    def turns(self) -> int:
        """Answers of the model so far."""
        return self._answers.count - self._before

    def resume(self, session_ref: str) -> None:
        """Go on with a session whose rollout is laid out."""
        self.session_ref = session_ref
        self._answers.look()
        self._before = self._answers.count
        self._answers.commands.clear()

    def line(self, line: bytes) -> None:
        """Report one line."""
        try:
            told = json.loads(line)
        except ValueError:
            self._say(EventKind.ERROR, message=line.decode(errors="replace").strip(), retryable=False)
            return
        self._answers.look()
        match told.get("type"):
            case "thread.started":
                self._start(told["thread_id"])
            case "turn.started":
                self.last_text, self._failure, self._finished = "", "", False
            case "turn.completed":
                self._finished = True
                self._untold()
                # cumulative over a resumed session
                self.reported = {"usage": told.get("usage") or {}}
                self._say(EventKind.USAGE, **self.reported["usage"])
            case "turn.failed":
                self._failure = _words((told.get("error") or {}).get("message", ""))
            case "error":
                said = _words(told.get("message", ""))
                self._say(EventKind.ERROR, message=said, retryable=said.startswith("Reconnecting"))
            case "item.started":
                self._call(told["item"])
            case "item.completed":
                self._completed(told["item"])

    def end(self, code: int, complaints: str) -> Ending:
        """How it ended, when its output has ended."""
        self._answers.look()
        if self._finished and code == 0:
            return Ending()
        if self._failure:
            status = _STATUS.search(self._failure)
            silent = any(words in self._failure for words in _UNANSWERED)
            asked = bool(status) or silent or "bridle: " in self._failure
            return Ending(self._failure, asked, int(status[1]) if status else None)
        last = complaints.splitlines()[-1:] or ["it said nothing"]
        return Ending(f"it ended with exit code {code}: {last[0]}")

    def _start(self, session_ref: str) -> None:
        self.session_ref = session_ref
        if self._started:
            return
        self._started = True
        from importlib.metadata import version

        self._say(
            EventKind.STARTED,
            agent=self.spec.agent,
            version=version("openai-codex-cli-bin"),
            model=self.spec.model,
            session_ref=session_ref,
        )

    def _call(self, item: dict[str, Any]) -> None:
        for tool, arguments in _tools(item):
            what = title(tool, arguments, self.spec.workdir)
            self._told[str(arguments.get("command"))] += 1
            self._say(EventKind.TOOL_CALL, id=item["id"], tool=tool, title=what, input=arguments)

    def _untold(self) -> None:
        """Report the commands that only the rollout has."""
        for command in self._answers.commands:
            if self._told[command.line]:
                self._told[command.line] -= 1
                continue
            line = shlex.join(("bash", "-c", command.line))
            item = {"type": "command_execution", "id": command.call_id, "command": line}
            self._call(item)
            self._told[command.line] -= 1
            ended = {"status": "completed", "exit_code": command.exit_code}
            self._result({**item, **ended, "aggregated_output": command.output})
        self._answers.commands.clear()

    def _completed(self, item: dict[str, Any]) -> None:
        match item.get("type"):
            case "agent_message":
                self.last_text = item.get("text", "").strip()
                if self.last_text:
                    self._say(EventKind.TEXT, own=True, text=item["text"])
            case "reasoning":
                self._say(EventKind.REASONING, own=True, text=item.get("text", ""))
            case "error":
                self._say(EventKind.ERROR, message=item.get("message", ""), retryable=False)
            case _:
                self._result(item)

    def _result(self, item: dict[str, Any]) -> None:
        ok = item.get("status") == "completed" and item.get("exit_code") in (None, 0)
        text = item.get("aggregated_output") or (item.get("error") or {}).get("message") or ""
        for tool, _ in _tools(item):
            self._say(EventKind.TOOL_RESULT, id=item["id"], tool=tool, ok=ok, text=text)

    def _say(self, kind: EventKind, *, own: bool = False, **payload: Any) -> None:
        # a text of the model is told a moment before it is in the rollout
        turn = self.turns + (own and not self._answers.open)
        if turn:
            payload["turn"] = turn
        self._on_event(Event(kind=kind, payload=payload))


def _tools(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The calls that an item stands for, as tool and arguments: a patch may change several files."""
    match item.get("type"):
        case "command_execution":
            return [("shell", {"command": _command(item.get("command", ""))})]
        case "file_change":
            names = {"add": "write", "update": "edit", "delete": "delete"}
            return [(names.get(change["kind"], "edit"), change) for change in item.get("changes", ())]
        case kind:
            return [(str(kind), item)]


def _command(line: str) -> str:
    """What the shell was given, without the shell."""
    try:
        words = shlex.split(line)
    except ValueError:
        return line
    return words[-1] if len(words) == 3 and words[1] in ("-c", "-lc") else line


def _words(message: str) -> str:
    """An error's own words: some come as the body of the answer."""
    try:
        return str(json.loads(message)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return message
