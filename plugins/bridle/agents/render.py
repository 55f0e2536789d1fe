"""Events as people read them: titles of tool calls, and the one line in the task's log."""

import difflib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridle.agents.base import Event, EventKind

LINE_CHARACTERS = 200

_NAMES = {
    "Bash": "Shell",
    "Grep": "Search",
    "Glob": "Find",
    "final_result": "Answer",
    "StructuredOutput": "Answer",
}


def title(tool: str, arguments: Mapping[str, Any], workdir: Path) -> str:
    """What a tool call does, in a few words: `Edit src/parser.py (+4 −1)`."""  # noqa: RUF002
    name = _NAMES.get(tool, tool[:1].upper() + tool[1:])
    path = _relative(arguments.get("file_path") or arguments.get("path") or "", workdir)
    match name:
        case "Edit":
            old = str(arguments.get("old_string") or arguments.get("old") or "")
            new = str(arguments.get("new_string") or arguments.get("new") or "")
            # Codex tells only which file it was
            return f"Edit {path} {_size(old, new)}" if old or new else f"Edit {path}"
        case "Write" if "content" in arguments:
            return f"Write {path} {_size('', str(arguments['content']))}"
        case "Shell":
            return one_line(f"Shell {arguments.get('command', '')}")
        case "Search" | "Find":
            where = f" in {path}" if path else ""
            return one_line(f"{name} {arguments.get('pattern', '')}{where}")
        case _:
            return one_line(f"{name} {path}".rstrip())


def render(event: Event) -> str:
    """The event as one line: `turn 3 · Edit src/parser.py (+4 −1)`."""  # noqa: RUF002
    payload = event.payload
    turn = f"turn {payload['turn']} · " if payload.get("turn") else ""
    return one_line(turn + _words(event.kind, payload))


def one_line(text: str) -> str:
    """White space folded, and cut to the width of a log line."""
    line = " ".join(text.split())
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + "…"


def _words(kind: EventKind, payload: Mapping[str, Any]) -> str:
    said = defaultdict(str, payload)
    words = {
        EventKind.STARTED: f"{said['agent']} {said['version']} started with {said['model']}",
        EventKind.TEXT: said["text"],
        EventKind.REASONING: f"thinks: {said['text']}",
        EventKind.TOOL_CALL: said["title"] or said["tool"],
        EventKind.TOOL_RESULT: f"{'→' if payload.get('ok', True) else '✗'} {said['text'] or '(nothing)'}",
        EventKind.DENIED: f"denied: {said['title'] or said['tool']}",
        EventKind.USAGE: "usage as reported: "
        + ", ".join(f"{name} {value}" for name, value in payload.items() if name != "turn"),
        EventKind.CHECKPOINT: f"checkpoint {said['commit'][:12]}",
        EventKind.FALLBACK: f"{said['model']} gives way to {said['next']}: {said['reason']}",
        EventKind.WAITING: f"waiting: {said['reason']}",
        EventKind.BUDGET: said["message"],
        EventKind.ERROR: f"error: {said['message']}",
        EventKind.FINISHED: f"finished: {said['outcome']}"
        + (f": {said['reason']}" if said["reason"] else ""),
    }
    return str(words[kind])


def _relative(path: str, workdir: Path) -> str:
    return path.removeprefix(f"{workdir}/") if path != str(workdir) else "."


def _size(old: str, new: str) -> str:
    changes = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    added = sum(line.startswith("+ ") for line in changes)
    removed = sum(line.startswith("- ") for line in changes)
    return f"(+{added} −{removed})"  # noqa: RUF001
