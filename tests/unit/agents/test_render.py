# ruff: noqa: RUF001
from pathlib import Path

import pytest

from bridle.agents.base import Event, EventKind
from bridle.agents.render import LINE_CHARACTERS, render, title

WORK = Path("/clone")


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("Read", {"file_path": "/clone/src/x.py"}, "Read src/x.py"),
        ("read", {"path": "src/x.py"}, "Read src/x.py"),
        (
            "Edit",
            {"file_path": "/clone/a.py", "old_string": "a\nb", "new_string": "a\nc\nd"},
            "Edit a.py (+2 −1)",
        ),
        ("edit", {"path": "a.py", "old": "a", "new": ""}, "Edit a.py (+0 −1)"),
        ("write", {"path": "a.py", "content": "1\n2\n"}, "Write a.py (+2 −0)"),
        ("Bash", {"command": "python -m\n  unittest"}, "Shell python -m unittest"),
        ("shell", {"command": "make"}, "Shell make"),
        ("Grep", {"pattern": "def add", "path": "/clone/src"}, "Search def add in src"),
        ("search", {"pattern": "x"}, "Search x"),
        ("final_result", {"a": 1}, "Answer"),
    ],
)
def test_a_tool_call_reads_the_same_whichever_agent_made_it(tool, arguments, expected):
    assert title(tool, arguments, WORK) == expected


def test_an_event_is_one_line_of_the_log():
    event = Event(kind=EventKind.TOOL_CALL, payload={"turn": 3, "title": "Edit src/parser.py (+4 −1)"})
    assert render(event) == "turn 3 · Edit src/parser.py (+4 −1)"


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_can_be_rendered_even_when_it_says_little(kind):
    assert "\n" not in render(Event(kind=kind))


def test_a_line_is_never_long():
    long = Event(kind=EventKind.TEXT, payload={"text": "word\n" * 1000})
    assert len(render(long)) == LINE_CHARACTERS
