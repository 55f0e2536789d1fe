"""The real Claude Code CLI: what is peculiar to it."""

import sys

import pytest

from bridle.agents.base import EventKind, Outcome
from bridle.agents.claude_code import ClaudeCodeAgent
from bridle.errors import ConfigError


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


def test_without_the_sdk_the_message_says_what_to_install(stage, monkeypatch):
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
    with pytest.raises(ConfigError, match=r"pip install 'airflow-bridle\[claude\]'"):
        ClaudeCodeAgent().run(stage.spec("claude-code"), stage.events.append)
