"""What a session reports on its way into the ledger."""

from typing import Any, cast
from uuid import uuid4

import pytest

from bridle.errors import LedgerUnavailable
from bridle.harness.recorder import Recorder


class Books:
    """Keeps transcripts; `away`: cannot now."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.away = False

    def save_transcript(self, _: object, transcript: bytes, *, session_ref: str) -> None:
        if self.away:
            raise LedgerUnavailable("Postgres is away")
        self.kept.append(transcript)


def test_a_transcript_that_could_not_be_saved_is_saved_when_the_books_are_back() -> None:
    """Also when it has not grown since: its session may be in a long tool."""
    books = Books()
    recorder = Recorder(cast("Any", books), uuid4())
    recorder.extend_transcript(b"one")
    books.away = True
    with pytest.raises(LedgerUnavailable):
        recorder.save_transcript()
    books.away = False
    recorder.save_transcript()
    recorder.save_transcript()
    assert books.kept == [b"one"]
