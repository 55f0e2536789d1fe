"""Operations of a script reach whatever tools an agent offers."""

from pathlib import Path
from typing import Any

import pytest

from bridle.gateway.script.document import Edit, Read, Search, Shell, Write
from bridle.gateway.script.tools import ScriptMismatch, call_for, final_tool


def schema(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


CLAUDE_CODE = {
    "Read": schema("file_path", "offset"),
    "Grep": schema("pattern", "path"),
    "Edit": schema("file_path", "old_string", "new_string", "replace_all"),
    "Write": schema("file_path", "content"),
    "Bash": schema("command", "description"),
}
API = {
    "read": schema("path"),
    "search": schema("pattern", "path"),
    "edit": schema("path", "old", "new"),
    "write": schema("path", "content"),
    "shell": schema("command"),
}
EDIT = Edit(op="edit", path="src/a.py", old="1", new="2")


def test_claude_code_gets_its_own_names_and_absolute_paths() -> None:
    call = call_for(EDIT, CLAUDE_CODE, "/tree")
    assert call.name == "Edit"
    assert call.arguments == {"file_path": "/tree/src/a.py", "old_string": "1", "new_string": "2"}
    assert call_for(Shell(op="shell", command="ls"), CLAUDE_CODE, "/w").arguments == {"command": "ls"}


def test_the_api_agent_gets_relative_paths() -> None:
    assert call_for(EDIT, API, "/tree").arguments == {"path": "src/a.py", "old": "1", "new": "2"}
    write = call_for(Write(op="write", path="n.txt", content="x"), API, "/w")
    assert (write.name, write.arguments) == ("write", {"path": "n.txt", "content": "x"})


def test_an_agent_without_a_search_tool_searches_with_its_shell() -> None:
    call = call_for(Search(op="search", pattern="it's"), {"Bash": CLAUDE_CODE["Bash"]}, "/w")
    assert call.arguments == {"command": """grep -rn -e 'it'"'"'s' -- ."""}


def test_codex_reads_with_its_shell_and_changes_files_with_patches_of_whole_lines(tmp_path: Path) -> None:
    codex = {"exec_command": schema("cmd", "workdir"), "apply_patch": None}
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    assert call_for(Read(op="read", path="a b"), codex, None).arguments == {"cmd": "cat -- 'a b'"}
    edit = call_for(Edit(op="edit", path="a.py", old="1", new="2"), codex, str(tmp_path))
    assert edit.arguments == (
        "*** Begin Patch\n*** Update File: a.py\n@@\n def f():\n-    return 1\n+    return 2\n*** End Patch\n"
    )
    write = call_for(Write(op="write", path="n", content="x\ny\n"), codex, None)
    assert write.arguments == "*** Begin Patch\n*** Add File: n\n+x\n+y\n*** End Patch\n"


def test_an_operation_without_a_tool_names_those_on_offer() -> None:
    with pytest.raises(ScriptMismatch, match=r"no tool for op `edit`; the request offers: Bash"):
        call_for(EDIT, {"Bash": CLAUDE_CODE["Bash"]}, "/w")


def test_the_final_tool_is_known_by_each_agents_name_for_it() -> None:
    assert final_tool({**CLAUDE_CODE, "StructuredOutput": {}}) == "StructuredOutput"
    assert final_tool({"final_result": {}}) == "final_result"
    assert final_tool(API) is None
