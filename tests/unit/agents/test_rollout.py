"""Codex's record of a session: laid out again, and read as it grows."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridle.agents.rollout import Answers, lay_out, newest

BEGAN = {"timestamp": "2026-11-22T22:41:51.903Z", "type": "session_meta", "payload": {"id": "s"}}


def item(**payload: Any) -> bytes:
    return json.dumps({"type": "response_item", "payload": payload}).encode() + b"\n"


def test_a_transcript_is_laid_out_without_the_line_that_a_kill_cut(tmp_path: Path) -> None:
    transcript = tmp_path / "transcript"
    whole = json.dumps(BEGAN).encode() + b"\n" + item(type="message", role="user")
    transcript.write_bytes(whole + b'{"half')
    assert lay_out(transcript, "s", tmp_path / "home")
    laid = tmp_path / "home/sessions/2026/11/22/rollout-2026-11-22T22-41-51-s.jsonl"
    assert newest(tmp_path / "home") == laid
    assert laid.read_bytes() == whole


def test_from_less_than_a_line_nothing_can_go_on(tmp_path: Path) -> None:
    transcript = tmp_path / "transcript"
    transcript.write_bytes(b'{"timestamp": "2026')
    assert not lay_out(transcript, "s", tmp_path / "home")
    assert newest(tmp_path / "home") is None


@pytest.mark.parametrize(
    "line", [b"no json", b"[]", b"{}", b'{"timestamp": 1}', b'{"timestamp": "/etc-x"}', b"\xff\xfe"]
)
def test_what_is_no_transcript_is_not_gone_on_from(tmp_path: Path, line: bytes) -> None:
    """The session's shell can write to it; every later try inherits it, and must not die of it."""
    transcript = tmp_path / "transcript"
    transcript.write_bytes(line + b"\n")
    assert not lay_out(transcript, "s", tmp_path / "home")
    assert newest(tmp_path / "home") is None


def test_lines_that_codex_has_not_written_are_no_answers(tmp_path: Path) -> None:
    folder = tmp_path / "sessions/2026/11/22"
    folder.mkdir(parents=True)
    foreign = b'"response_item"\n{"type": "response_item"}\n"response_item\n'
    (folder / "rollout-s.jsonl").write_bytes(foreign + item(type="reasoning"))
    answers = Answers(tmp_path)
    answers.look()
    assert answers.count == 1


def test_answers_are_counted_as_the_file_grows(tmp_path: Path) -> None:
    """One answer may be several items; a result, or a person, comes between two."""
    folder = tmp_path / "sessions/2026/11/22"
    folder.mkdir(parents=True)
    answers = Answers(tmp_path)
    answers.look()
    assert (answers.count, answers.open) == (0, False)
    with (folder / "rollout-s.jsonl").open("ab", buffering=0) as file:
        file.write(item(type="message", role="user") + item(type="reasoning"))
        file.write(item(type="function_call") + item(type="custom_tool_call"))
        answers.look()
        assert (answers.count, answers.open) == (1, True)
        last = item(type="message", role="assistant")
        file.write(item(type="function_call_output") + last[:9])
        answers.look()
        assert (answers.count, answers.open) == (1, False)
        file.write(last[9:])
        answers.look()
        assert (answers.count, answers.open) == (2, True)
