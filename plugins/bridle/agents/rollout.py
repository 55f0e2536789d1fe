"""Codex's own record of a session: a file of JSON lines, from which it can be resumed on any host."""

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_EXIT_CODE = re.compile(r"^Process exited with code (\d+)$", re.MULTILINE)


def newest(config: Path) -> Path | None:
    """The rollout that was written last below a configuration folder."""
    found = config.glob("sessions/*/*/*/rollout-*.jsonl")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def lay_out(transcript: Path, session_ref: str, config: Path) -> bool:
    """Put a transcript where Codex looks for it, without a line that a killed session left half done.

    False when nothing whole is left, or what is left is no transcript: the session's own shell can write
    to it. Then there is nothing to go on from.
    """
    whole, _, _ = transcript.read_bytes().rpartition(b"\n")
    if not whole:
        return False
    try:
        began = datetime.fromisoformat(json.loads(whole.partition(b"\n")[0])["timestamp"])
    except (ValueError, KeyError, TypeError):
        return False
    folder = config / f"sessions/{began:%Y/%m/%d}"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"rollout-{began:%Y-%m-%dT%H-%M-%S}-{session_ref}.jsonl"
    (folder / name).write_bytes(whole + b"\n")
    return True


@dataclass(frozen=True)
class Command:
    """A shell command that has ended."""

    call_id: str
    line: str
    exit_code: int
    output: str


class Answers:
    """How many answers of the model a rollout has, and which commands, read as it grows.

    The stream of events does not tell where one answer ends and the next begins, and leaves out commands
    that fail at once.
    """

    def __init__(self, config: Path) -> None:
        self.count = 0
        self.commands: list[Command] = []
        self._lines: dict[str, str] = {}
        self.open = False
        """The last thing in it is the model's."""
        self._config = config
        self._path: Path | None = None
        self._read = 0

    def look(self) -> None:
        """Read what is new."""
        self._path = self._path or newest(self._config)
        if self._path is None:
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                self._line(line)

    def _line(self, line: bytes) -> None:
        if b'"response_item"' not in line:
            return
        item = _response_item(line)
        if item is not None:
            own = _by_model(item)
            self.count += own and not self.open
            self.open = own
            self._command(item)

    def _command(self, item: dict[str, Any]) -> None:
        call_id = str(item.get("call_id"))
        if item.get("type") == "function_call" and item.get("name") == "exec_command":
            with contextlib.suppress(ValueError, KeyError, TypeError):  # the model's words, right or not
                self._lines[call_id] = str(json.loads(item["arguments"])["cmd"])
        elif item.get("type") == "function_call_output" and call_id in self._lines:
            told = str(item.get("output"))
            if ended := _EXIT_CODE.search(told):
                _, _, output = told.partition("Output:\n")
                self.commands.append(Command(call_id, self._lines.pop(call_id), int(ended[1]), output))


def _response_item(line: bytes) -> dict[str, Any] | None:
    """The item of a line; None when it is another line, or none that Codex has written."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("type") != "response_item":
        return None
    item = record.get("payload")
    return item if isinstance(item, dict) else None


def _by_model(item: dict[str, Any]) -> bool:
    kind = str(item.get("type"))
    return item.get("role") == "assistant" or kind == "reasoning" or kind.endswith("_call")
