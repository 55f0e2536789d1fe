"""The real Claude Code CLI: what is peculiar to it."""

import json
import sys

import pytest

from bridle.agents.base import EventKind, Outcome
from bridle.agents.claude_code import ClaudeCodeAgent
from bridle.errors import ConfigError

INSTRUCTIONS = "You are an engineer. " * 40
PROMPT = "Fix this issue: add() returns a difference. " * 30


def test_the_first_request_stays_below_twenty_kilobytes(stage):
    """With all five tools, a page of instructions and an issue of ordinary length."""
    stage.script({"text": "ok"})
    stage.run(stage.spec("claude-code", instructions=INSTRUCTIONS, prompt=PROMPT))
    assert stage.requests()[0]["request_bytes"] < 20_000


def test_only_the_model_is_called(stage):
    """No title, no pre-flight, nothing in the background: what is not asked for is not paid for."""
    stage.script({"text": "ok"})
    stage.run(stage.spec("claude-code"))
    assert len(stage.requests()) == 1


def test_settings_hooks_and_servers_of_the_repository_stay_unused(stage):
    planted = stage.folder / "planted"
    hook = {"hooks": [{"type": "command", "command": f"touch {planted}"}]}
    (stage.work / ".claude").mkdir()
    (stage.work / ".claude" / "settings.json").write_text(
        json.dumps({"hooks": {"SessionStart": [hook], "UserPromptSubmit": [hook], "PreToolUse": [hook]}})
    )
    server = {"mcpServers": {"evil": {"command": "touch", "args": [str(planted)]}}}
    (stage.work / ".mcp.json").write_text(json.dumps(server))
    stage.script({"ops": [{"op": "read", "path": "calc.py"}]}, {"text": "ok"})
    done = stage.run(stage.spec("claude-code"))
    assert done.result.outcome is Outcome.DONE
    assert not planted.exists()


def test_file_tools_cannot_leave_the_work_tree(stage):
    (stage.folder / "secret").write_text("the-secret")
    (stage.work / "link").symlink_to(stage.folder / "secret")
    stage.script(
        {"ops": [{"op": "read", "path": "../secret"}, {"op": "read", "path": "link"}]},
        {"ops": [{"op": "write", "path": "../mine", "content": "x"}]},
        {"text": "I could not."},
    )
    done = stage.run(stage.spec("claude-code"))
    assert done.result.outcome is Outcome.DONE
    assert [result["ok"] for result in stage.of(EventKind.TOOL_RESULT)] == [False, False, False]
    assert "the-secret" not in str(stage.of(EventKind.TOOL_RESULT))
    assert not (stage.folder / "mine").exists()
    assert len(stage.of(EventKind.DENIED)) >= 2


def test_a_reading_session_has_no_tool_that_writes(stage):
    stage.script({"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]}, {"text": "ok"})
    done = stage.run(stage.spec("claude-code", access="read"))
    assert done.result.outcome is Outcome.FAILED
    assert "no tool for op `edit`" in done.result.reason


def test_a_path_in_the_prompt_is_only_text(stage):
    (stage.folder / "secret").write_text("the-secret" * 500)
    stage.script({"text": "ok"})
    stage.run(stage.spec("claude-code", prompt="Fix it."))
    stage.run(stage.spec("claude-code", prompt=f"Fix it. @{stage.folder}/secret"))
    without, with_path = (request["request_bytes"] for request in stage.requests())
    assert with_path - without < 200


def test_without_the_sdk_the_message_says_what_to_install(stage, monkeypatch):
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
    with pytest.raises(ConfigError, match=r"pip install 'airflow-bridle\[claude\]'"):
        ClaudeCodeAgent().run(stage.spec("claude-code"), stage.events.append)
