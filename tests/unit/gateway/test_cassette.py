"""A recording as a file."""

from pathlib import Path

from bridle.gateway.cassette import append, read


def test_what_was_recorded_is_read_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "implement.1.1.jsonl"
    entries = [
        {
            "request": {"text": "line\nline \u2028 paragraph \u2029 next \u0085 form \x0c \x1c end"},
            "answer": {},
        },
        {"request": {}, "lost": "hung up"},
    ]
    for entry in entries:
        append(path, entry)
    assert read(path) == entries


def test_a_session_without_a_call_has_an_empty_recording(tmp_path: Path) -> None:
    (tmp_path / "implement.1.1.jsonl").touch()
    assert read(tmp_path / "implement.1.1.jsonl") == []
