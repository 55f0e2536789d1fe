"""Usage is read on the side, however the bytes are cut."""

import json
from typing import Any

import pytest

from bridle.gateway.hidden_usage import UsageRemover, asking, asks_for_usage
from bridle.gateway.script.answer import Answer, anthropic_events, openai_chunks
from bridle.gateway.script.document import Reported
from bridle.gateway.script.responses import response, response_events
from bridle.gateway.usage import Reading, read_answer, reader_for
from bridle.ledger.records import Usage

REPORTED = Reported(
    input_tokens=100, output_tokens=20, cache_read_tokens=60, cache_write_tokens=10, reasoning_tokens=5
)
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
    assert reader.reading() == Reading(Usage(100, 20, 60, reasoning_tokens=5), "m")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_responses_streams(size: int) -> None:
    stream = b"".join(response_events(ANSWER))
    reader = reader_for("openai-responses")
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
    assert reader.finished
    assert reader.reading() == Reading(Usage(100, 20, 60, 10, 5), "m")
    whole = json.dumps(response(ANSWER)).encode()
    assert read_answer("openai-responses", whole) == reader.reading()


def test_a_response_that_failed_says_so() -> None:
    failed = {"type": "response.failed", "response": {"error": {"message": "overloaded"}}}
    reader = reader_for("openai-responses")
    reader.feed(f"data: {json.dumps(failed)}\n\n".encode())
    assert (reader.finished, reader.error) == (True, "overloaded")


def test_a_broken_off_anthropic_stream_counts_what_was_said() -> None:
    reader = reader_for("anthropic-messages")
    for event in list(anthropic_events(ANSWER))[:4]:  # up to the first delta
        reader.feed(event)
    usage = reader.reading().usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (100, 14)


@pytest.mark.parametrize("junk", [b"", b"data: {\n\n", b"data: [1]\n\n", b": ping\n\n", b"data: {}\n\n"])
def test_what_is_not_understood_is_passed_over(junk: bytes) -> None:
    for dialect in ("anthropic-messages", "openai-chat", "openai-responses"):
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


def test_counts_of_a_stream_only_grow() -> None:
    """Some endpoints tell the input at the start and zero at the end; some the other way round."""
    for start, end in (
        ({"input_tokens": 90, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 7}),
        ({"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 90, "output_tokens": 7}),
    ):
        reader = reader_for("anthropic-messages")
        for event in (
            {"type": "message_start", "message": {"model": "kimi", "usage": start}},
            {
                "type": "message_delta",
                "usage": {**end, "cache_read_input_tokens": 10, "server_tool_use": None},
            },
            {"type": "message_stop"},
        ):
            reader.feed(f"data: {json.dumps(event)}\n\n".encode())
        assert reader.reading() == Reading(Usage(100, 7, 10), "kimi")


def test_thinking_is_told_apart_from_the_rest_of_the_output() -> None:
    usage = {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}}
    reading = read_answer("anthropic-messages", json.dumps({"usage": usage}).encode())
    assert reading.usage == Usage(1, 9, reasoning_tokens=6)


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 60}}, 60),
        ({"cached_tokens": 60}, 60),
        ({"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40}, 60),
        ({"prompt_tokens_details": None}, 0),
    ],
    ids=["OpenAI", "Moonshot", "DeepSeek", "nothing"],
)
def test_cached_tokens_are_found_wherever_a_provider_tells_them(usage: dict[str, Any], cached: int) -> None:
    answer = {"usage": {"prompt_tokens": 100, "completion_tokens": 5, **usage}}
    reading = read_answer("openai-chat", json.dumps(answer).encode())
    assert reading.usage == Usage(100, 5, cached)


def test_usage_inside_of_the_last_choice_counts() -> None:
    """Moonshot's streams tell it there."""
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "cached_tokens": 60}
    last = {"model": "kimi", "choices": [{"delta": {}, "finish_reason": "stop", "usage": usage}]}
    reader = reader_for("openai-chat")
    reader.feed(f"data: {json.dumps(last)}\n\n".encode())
    assert reader.reading() == Reading(Usage(100, 5, 60), "kimi")
    assert (reader.finished, reader.whole) == (False, True)


@pytest.mark.parametrize(
    ("dialect", "event"),
    [
        (
            "anthropic-messages",
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        ),
        ("openai-chat", {"choices": [], "error": {"code": 502, "message": "Overloaded"}}),
    ],
)
def test_an_error_in_the_middle_of_a_stream_is_seen(dialect: Any, event: dict[str, Any]) -> None:
    reader = reader_for(dialect)
    reader.feed(f"data: {json.dumps(event)}\n\n".encode())
    assert reader.error == "Overloaded"


@pytest.mark.parametrize("count", ["100", -1, 1.5, True, 10**30, [1]])
def test_a_number_that_is_none_leaves_the_call_at_its_estimate(count: Any) -> None:
    """The books take whole numbers; anything else from a provider must not reach them."""
    chat = json.dumps({"model": "m", "usage": {"prompt_tokens": count, "completion_tokens": 5}})
    assert read_answer("openai-chat", chat.encode()) == Reading(None, "m")
    message = json.dumps({"model": ["m"], "usage": {"input_tokens": 5, "output_tokens": count}})
    assert read_answer("anthropic-messages", message.encode()) == Reading(None, None)


def test_a_whole_number_is_one_also_with_a_point() -> None:
    answer = {"usage": {"prompt_tokens": 100.0, "completion_tokens": None, "prompt_tokens_details": 7}}
    usage = read_answer("openai-chat", json.dumps(answer).encode()).usage
    assert usage == Usage(100, 0)
    assert type(usage.input_tokens) is int


def test_a_message_cut_before_its_output_was_counted_is_read_all_the_same() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": None}}}
    reader = reader_for("anthropic-messages")
    reader.feed(f"data: {json.dumps(start)}\n\n".encode())
    assert reader.reading().usage == Usage(9, 0)
