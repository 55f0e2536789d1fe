"""The operator's side of a session: what it is told, and when it is told otherwise."""

import base64
import json
import os

import pytest

from bridle.agents.base import Event, EventKind
from bridle.agents.launch import _Heard
from bridle.agents.pipe import CHUNK_BYTES, TEXT_CHARACTERS, Pipe
from bridle.errors import ConfigError


def test_an_unknown_agent_is_a_mistake_in_the_configuration(stage):
    with pytest.raises(ConfigError, match=r"agent 'nobody' does not exist.*api, claude-code"):
        stage.run(stage.spec("nobody"))


def test_code_of_the_work_tree_is_not_imported_by_the_runner(stage):
    """A repository may hold a json.py; the runner starts in it."""
    planted = stage.folder / "planted"
    for name in ("json.py", "pydantic.py", "anthropic.py", "sitecustomize.py"):
        (stage.work / name).write_text(f"open({str(planted)!r}, 'w')\nraise SystemExit(9)\n")
    stage.script({"text": "ok"})
    stage.run(stage.spec("api"))
    assert not planted.exists()


def test_an_error_of_the_operator_ends_the_session(stage):
    class FenceWasLost(Exception):
        pass

    def on_event(event):
        raise FenceWasLost

    stage.script({"text": "never", "hang": True})
    with pytest.raises(FenceWasLost):
        stage.run(stage.spec("api"), on_event=on_event)


def test_a_line_that_cannot_be_read_is_told_and_survived(tmp_path):
    events = []
    with (tmp_path / "t").open("w+b") as transcript:
        heard = _Heard(events.append, transcript)
        heard.line(b'{"event": {"kind": "text"')
        heard.line(b"[]")
        heard.line(b'{"other": 1}')
        heard.line(json.dumps({"event": {"kind": "text", "payload": {"text": "x", "turn": 3}}}).encode())
        heard.line(json.dumps({"transcript": base64.b64encode(b"line\n").decode()}).encode())
        assert heard.whole_transcript() == b"line\n"
    assert [event.kind for event in events] == [EventKind.ERROR] * 3 + [EventKind.TEXT]
    assert heard.turns == 3


def test_the_pipe_caps_texts_and_cuts_transcripts_into_lines(tmp_path):
    path = tmp_path / "transcript"
    path.write_bytes(b"z" * (CHUNK_BYTES + 10))
    with (tmp_path / "pipe").open("w+b") as file:
        pipe = Pipe(file.fileno())
        pipe.event(Event(kind=EventKind.TOOL_RESULT, payload={"text": "x" * 10_000_000, "ok": True}))
        pipe.transcript(path)
        with path.open("ab") as more:
            more.write(b"new")
        pipe.transcript(path)
        assert not os.get_inheritable(file.fileno())
    lines = [json.loads(line) for line in (tmp_path / "pipe").read_bytes().splitlines()]
    assert len(lines[0]["event"]["payload"]["text"]) < TEXT_CHARACTERS + 50
    told = b"".join(base64.b64decode(line["transcript"]) for line in lines[1:])
    assert told == path.read_bytes()
    assert len(lines) == 4
