"""Everything textual goes through the door: redacted, fit for Postgres, cut to size."""

import json
import math

from bridle.guard.redact import MARK, Redactor
from bridle.ledger.door import JSON_BYTES, LINE, TEXT, Door

SECRET = "s3cret-" + "x" * 60
DOOR = Door(Redactor([SECRET]))


def test_text_at_the_limit_stays_whole():
    assert DOOR.text("a" * TEXT) == "a" * TEXT


def test_longer_text_says_how_much_there_was():
    clean = DOOR.text("a" * 1_000_000, 100)
    assert len(clean) == 100
    assert clean.endswith("[cut: 1000000 characters in all]")


def test_no_half_of_a_secret_survives_a_cut_wherever_it_falls():
    for offset in range(0, 80, 7):
        for size in (LINE, LINE + 8_192):
            text = "a" * (size - offset) + SECRET + "b" * 50_000
            assert "s3c" not in DOOR.text(text, LINE)
            assert "s3c" not in DOOR.head(text, LINE)
            assert "xx" not in DOOR.tail(text[::1] if offset else SECRET + "b" * LINE, LINE)


def test_many_secrets_shrinking_the_text_do_not_bring_a_cut_one_into_view():
    text = (SECRET + " ") * 140 + SECRET
    for limit in range(400, 500, 9):
        clean = DOOR.text(text + "z" * 9_000, limit)
        assert "s3c" not in clean
        assert "xx" not in clean


def test_the_tail_keeps_the_end():
    assert DOOR.tail("a" * 100_000 + "the end", 20) == "a" * 13 + "the end"
    assert DOOR.tail("short", 20) == "short"


def test_what_postgres_cannot_hold_is_replaced():
    assert DOOR.text("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert DOOR.json({"k\x00": ["\ud800"]}) == {"k\ufffd": ["\ufffd"]}


def test_json_stays_plain_and_redacted():
    value = {"a": (1, 2.5, None, True), "b": {"deep": f"say {SECRET}"}, 3: math.inf}
    assert DOOR.json(value) == {"a": [1, 2.5, None, True], "b": {"deep": f"say {MARK}"}, "3": "inf"}


def test_json_over_the_limit_becomes_its_head():
    clean = DOOR.json({"many": ["x" * 1_000] * 1_000})
    assert clean["cut"] is True
    assert clean["bytes"] > JSON_BYTES
    assert len(json.dumps(clean)) < JSON_BYTES


def test_bytes_that_are_no_text_change_only_where_a_known_secret_is():
    data = bytes(range(256)) * 10
    assert DOOR.content(data) == data
    assert SECRET.encode() not in DOOR.content(data + SECRET.encode() + data)
