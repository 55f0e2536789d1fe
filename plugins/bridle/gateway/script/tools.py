"""Operations of a script, as calls of whatever tools a request offers.

Agents name the same five things differently (`Bash`/`shell`, `file_path`/`path`, `old_string`/`old`), so
both the tool and its arguments are found by looking at what is offered. Where only a shell is offered, files
are read and searched with it; where only `apply_patch` is, they are changed with it.
"""

import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bridle.gateway.script.document import Edit, Op, Read, Search, Shell, Write

_TOOLS = {
    "read": ("Read", "read", "read_file"),
    "search": ("Grep", "search", "grep"),
    "edit": ("Edit", "edit", "edit_file", "apply_patch"),
    "write": ("Write", "write", "write_file", "apply_patch"),
    "shell": ("Bash", "shell", "bash", "exec_command"),
}
_ARGUMENTS = {
    "path": ("file_path", "path"),
    "pattern": ("pattern", "query"),
    "old": ("old_string", "old"),
    "new": ("new_string", "new"),
    "content": ("content", "text"),
    "command": ("command", "cmd"),
}
_FINAL = ("StructuredOutput", "final_result")


class ScriptMismatch(Exception):
    """The script asks for something that this request cannot have; the message says what."""


@dataclass(frozen=True)
class ToolCall:
    """One call, in no dialect yet."""

    name: str
    arguments: dict[str, Any] | str
    """A text for a tool that takes whatever the model writes."""


Offered = Mapping[str, Mapping[str, Any] | None]
"""Tool name to the JSON schema of its arguments; None for a tool that takes a text of its own grammar."""


def call_for(op: Op, offered: Offered, workdir: str | None) -> ToolCall:
    """The offered tool that does `op`.

    Raises:
        ScriptMismatch: no tool on offer can do it.
    """
    for name in _TOOLS[op.op]:
        if name not in offered:
            continue
        schema = offered[name]
        if schema is not None:
            return ToolCall(name, _arguments(op, schema, workdir))
        if isinstance(op, Edit | Write):
            return ToolCall(name, _patch(op, workdir))
    if isinstance(op, Read | Search) and any(name in offered for name in _TOOLS["shell"]):
        return call_for(Shell(op="shell", command=_command(op)), offered, workdir)
    raise ScriptMismatch(f"no tool for op `{op.op}`; the request offers: {', '.join(offered) or 'none'}")


def _command(op: Read | Search) -> str:
    if isinstance(op, Read):
        return f"cat -- {shlex.quote(op.path)}"
    return f"grep -rn -e {shlex.quote(op.pattern)} -- {shlex.quote(op.path or '.')}"


def _patch(op: Edit | Write, workdir: str | None) -> str:
    """The change as a patch, whose lines are whole; a real model knows them from reading the file."""
    if isinstance(op, Write):
        body = [f"*** Add File: {op.path}", *(f"+{line}" for line in op.content.splitlines())]
    else:
        file = Path(workdir or ".") / op.path
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        before, after = (text, text.replace(op.old, op.new, 1)) if op.old in text else (op.old, op.new)
        changed = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
        hunks = ["@@" if line.startswith("@@") else line for line in list(changed)[2:]]
        body = [f"*** Update File: {op.path}", *hunks]
    return "\n".join(["*** Begin Patch", *body, "*** End Patch", ""])


def final_tool(offered: Offered) -> str | None:
    """The tool through which this agent wants its structured answer, if it has one."""
    return next((name for name in offered if name.startswith(_FINAL)), None)


def _arguments(op: Op, schema: Mapping[str, Any], workdir: str | None) -> dict[str, Any]:
    known = schema.get("properties", {})
    arguments: dict[str, Any] = {}
    for field, value in op.model_dump(exclude={"op"}, exclude_none=True).items():
        names = _ARGUMENTS[field]
        name = next((name for name in names if name in known), names[-1])
        # Claude Code calls it file_path and wants it absolute
        absolute = name == "file_path" and workdir is not None
        arguments[name] = str(PurePosixPath(workdir or "/") / value) if absolute else value
    return arguments
