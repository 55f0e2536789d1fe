"""Operations of a script, as calls of whatever tools a request offers.

Agents name the same five things differently (`Bash`/`shell`, `file_path`/`path`, `old_string`/`old`), so
both the tool and its arguments are found by looking at what is offered.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bridle.gateway.script.document import Op, Search, Shell

_TOOLS = {
    "read": ("Read", "read", "read_file"),
    "search": ("Grep", "search", "grep"),
    "edit": ("Edit", "edit", "edit_file"),
    "write": ("Write", "write", "write_file"),
    "shell": ("Bash", "shell", "bash"),
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
    arguments: dict[str, Any]


Offered = Mapping[str, Mapping[str, Any]]
"""Tool name to the JSON schema of its arguments."""


def call_for(op: Op, offered: Offered, workdir: str | None) -> ToolCall:
    """The offered tool that does `op`.

    Raises:
        ScriptMismatch: no tool on offer can do it.
    """
    for name in _TOOLS[op.op]:
        if name in offered:
            return ToolCall(name, _arguments(op, offered[name], workdir))
    if isinstance(op, Search) and any(name in offered for name in _TOOLS["shell"]):
        command = f"grep -rn -e {shlex.quote(op.pattern)} -- {shlex.quote(op.path or '.')}"
        return call_for(Shell(op="shell", command=command), offered, workdir)
    raise ScriptMismatch(f"no tool for op `{op.op}`; the request offers: {', '.join(offered) or 'none'}")


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
