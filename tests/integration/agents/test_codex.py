"""The real Codex CLI: what is peculiar to it."""

import sys

import pytest

from bridle.agents.base import EventKind, Outcome
from bridle.agents.codex import CodexAgent
from bridle.errors import ConfigError
from bridle.process.sandbox import Isolation


def test_a_patch_may_add_and_change_files_and_one_that_does_not_fit_is_told(stage):
    """Also with a model that Codex has no idea of, and a prompt that no command line would hold."""
    stage.script(
        {
            "ops": [
                {"op": "write", "path": "new/a.txt", "content": "a\n"},
                {"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"},
            ]
        },
        {"ops": [{"op": "edit", "path": "calc.py", "old": "not there", "new": "x"}]},
        {"text": "Done."},
    )
    done = stage.run(
        stage.spec("codex", "openai-responses", model="claude-haiku-4-5", prompt="Go. " * 100_000)
    )
    assert done.result.outcome is Outcome.DONE, done.result
    assert (stage.work / "new" / "a.txt").read_text() == "a\n"
    assert (stage.work / "calc.py").read_text().endswith("a + b\n")
    assert [call["title"] for call in stage.of(EventKind.TOOL_CALL)][:2] == [
        "Write new/a.txt",
        "Edit calc.py",
    ]
    assert not stage.of(EventKind.ERROR)


def test_a_gateway_that_is_gone_is_not_waited_for(stage):
    done = stage.run(stage.spec("codex", "openai-responses"))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("provider: ")
    assert done.result.retryable


def test_a_limit_that_a_request_does_not_set_is_set_by_the_gateway(stage):
    """Without it an answer could cost more than was reserved for it."""
    stage.script({"text": "ok"})
    stage.run(stage.spec("codex", "openai-responses"), sandbox=stage.boxed(Isolation.SANDBOX))
    assert stage.requests()[0]["settings"]["max_output_tokens"] == 16_000


def test_an_answer_that_no_strict_schema_can_describe_is_described_in_words(stage):
    schema = {"type": "object", "properties": {"counts": {"type": "object"}}, "required": ["counts"]}
    stage.script({"output": {"counts": {"a": 1}}})
    done = stage.run(stage.spec("codex", "openai-responses", access="none", output_schema=schema))
    assert done.result.output == {"counts": {"a": 1}}


def test_without_the_cli_the_message_says_what_to_install(stage, monkeypatch):
    monkeypatch.setitem(sys.modules, "codex_cli_bin", None)
    with pytest.raises(ConfigError, match=r"pip install 'airflow-bridle\[codex\]'"):
        CodexAgent().run(stage.spec("codex", "openai-responses"), stage.events.append)
