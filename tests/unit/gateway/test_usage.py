"""Usage is read on the side, however the bytes are cut."""

import json
from typing import Any

import pytest

from bridle.gateway.hidden_usage import UsageRemover, asking, asks_for_usage
from bridle.gateway.script.answer import Answer, anthropic_events, openai_chunks
from bridle.gateway.script.document import Reported
from bridle.gateway.usage import Reading, read_answer, reader_for
from bridle.ledger.records import Usage

REPORTED = Reported(input_tokens=100, output_tokens=20, cache_read_tokens=60, cache_write_tokens=10)
ANSWER = Answer("m", "A sentence of more than forty characters, says the test.", (), REPORTED)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_anthropic_streams(size: int) -> None:
    stream = b"".join(anthropic_events(ANSWER))
    reader = reader_for("anthropic-messages")
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
    assert reader.finished
    assert reader.reading() == Reading(Usage(100, 20, 60, 10), "m")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_openai_streams(size: int) -> None:
    stream = b"".join(openai_chunks(ANSWER, with_usage=True))
    reader = reader_for("openai-chat")
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
    assert reader.finished
    assert reader.reading() == Reading(Usage(100, 20, 60), "m")


def test_a_broken_off_anthropic_stream_counts_what_was_said() -> None:
    reader = reader_for("anthropic-messages")
    for event in list(anthropic_events(ANSWER))[:4]:  # up to the first delta
        reader.feed(event)
    usage = reader.reading().usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (100, 14)


@pytest.mark.parametrize("junk", [b"", b"data: {\n\n", b"data: [1]\n\n", b": ping\n\n", b"data: {}\n\n"])
def test_what_is_not_understood_is_passed_over(junk: bytes) -> None:
    for dialect in ("anthropic-messages", "openai-chat"):
        reader = reader_for(dialect)  # type: ignore[arg-type]
        reader.feed(junk)
        assert reader.reading().usage is None


def test_cache_writes_for_an_hour_are_told_apart() -> None:
    usage = {"input_tokens": 1, "cache_creation_input_tokens": 9, "output_tokens": 2}
    usage |= {"cache_creation": {"ephemeral_1h_input_tokens": 5}}  # type: ignore[dict-item]
    reading = read_answer("anthropic-messages", json.dumps({"model": "m", "usage": usage}).encode())
    assert reading == Reading(Usage(10, 2, 0, 9), "m", 5)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"usage": null}', b"<html>"])
def test_an_answer_that_tells_no_usage_is_unknown(body: bytes) -> None:
    assert read_answer("openai-chat", body).usage is None


@pytest.mark.parametrize(
    ("dialect", "body", "asks"),
    [
        ("anthropic-messages", {"stream": True}, True),
        ("openai-chat", {}, True),
        ("openai-chat", {"stream": True}, False),
        ("openai-chat", {"stream": True, "stream_options": {"include_usage": False}}, False),
        ("openai-chat", {"stream": True, "stream_options": {"include_usage": True}}, True),
    ],
)
def test_who_asks_for_usage(dialect: Any, body: dict[str, Any], asks: bool) -> None:
    assert asks_for_usage(dialect, body) is asks


def test_asking_keeps_the_rest_of_the_request() -> None:
    body = {"model": "m", "stream": True, "stream_options": {"other": 1}}
    assert asking(body) == body | {"stream_options": {"other": 1, "include_usage": True}}


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_only_the_usage_event_is_hidden(size: int) -> None:
    events = list(openai_chunks(ANSWER, with_usage=True))
    stream, remover = b"".join(events), UsageRemover()
    seen = (
        b"".join(remover.feed(stream[at : at + size]) for at in range(0, len(stream), size)) + remover.rest()
    )
    assert seen == b"".join(events[:-2] + events[-1:])
