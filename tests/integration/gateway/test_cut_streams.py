"""A provider that goes away in mid-stream, at every tenth byte: the table in docs/gateway.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from broken_provider import serving
from gateway_helpers import ASK, PATIENT, post, shown

from bridle.agents.base import Dialect
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.providers import Provider
from bridle.gateway.script.answer import Answer, anthropic_events, openai_chunks
from bridle.gateway.script.document import Reported
from bridle.gateway.script.responses import response_events
from bridle.gateway.script.tools import ToolCall
from bridle.gateway.server import Gateway
from bridle.gateway.slots import Slots
from bridle.gateway.upstream import Upstream
from bridle.gateway.wire import PATHS
from bridle.ledger.records import Usage

ANSWER = Answer(
    "claude-haiku-4-5",
    "I read the file, and then I change the one line that is wrong in it.",
    (ToolCall("Edit", {"file_path": "/tree/a.py", "old_string": "a - b", "new_string": "a + b"}),),
    Reported(input_tokens=100, output_tokens=60, cache_read_tokens=60),
)
STREAMS: dict[Dialect, bytes] = {
    "anthropic-messages": b"".join(anthropic_events(ANSWER)),
    "openai-chat": b"".join(openai_chunks(ANSWER, with_usage=True)),
    "openai-responses": b"".join(response_events(ANSWER)),
}
LAST_WORDS: dict[Dialect, bytes] = {
    "anthropic-messages": b'"message_stop"',
    "openai-chat": b'"finish_reason": "tool_calls"',
    "openai-responses": b'"type": "response.completed"',
}
"""What the line has in it after which nothing of an answer is missing."""
ASKED = {**ASK, "stream": True, "stream_options": {"include_usage": True}}


class Cutter:
    """Sends the first bytes of a stream and hangs up: without a word, or as if that were all."""

    def __init__(self) -> None:
        self.stream, self.at, self.politely, self.asked = b"", 0, False, 0

    def __call__(self, handler: BaseHTTPRequestHandler, _: bytes) -> None:
        self.asked += 1
        sent = self.stream[: self.at]
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        if self.politely:  # a proxy that closes its own stream well when the server behind it is gone
            handler.send_header("connection", "close")
        else:
            handler.send_header("content-length", str(len(self.stream) + 1))
        handler.end_headers()
        handler.wfile.write(sent)
        handler.close_connection = True


@pytest.fixture(scope="module")
def cutter() -> Iterator[tuple[Cutter, str]]:
    cutter = Cutter()
    with serving(cutter) as address:
        yield cutter, address


@contextmanager
def gateway_before(address: str, slots: Path) -> Iterator[tuple[Gateway, MemoryMeter]]:
    endpoints = {dialect: f"{address}{path}" for path, dialect in PATHS.items()}
    provider = Provider("anthropic", endpoints, key="k", concurrency=1)
    meter = MemoryMeter()
    with Gateway(upstream=Upstream(provider, ASK["model"]), meter=meter, slots=slots) as gateway:
        yield gateway, meter


@pytest.mark.parametrize("politely", [False, True], ids=["connection lost", "stream closed"])
@pytest.mark.parametrize("dialect", STREAMS)
def test_wherever_a_stream_is_cut_the_agent_sees_its_beginning_and_a_break_and_one_row_is_settled(
    cutter: tuple[Cutter, str], dialect: Dialect, politely: bool, tmp_path: Path
) -> None:
    provider, address = cutter
    path = next(path for path, spoken in PATHS.items() if spoken == dialect)
    provider.stream, provider.politely, provider.asked = STREAMS[dialect], politely, 0
    asked = ASKED if dialect == "openai-chat" else {**ASK, "stream": True}
    if dialect == "openai-responses":
        asked = {"model": ASK["model"], "input": "hi", "stream": True, "store": False}
    places = range(10, len(provider.stream), 10)
    complete = provider.stream.index(b"\n", provider.stream.index(LAST_WORDS[dialect])) + 1
    with gateway_before(address, tmp_path) as (gateway, meter), httpx.Client(timeout=PATIENT) as agent:
        for number, at in enumerate(places, 1):
            provider.at, received, broken = at, b"", False
            with agent.stream("POST", f"{gateway.url}{path}", json=asked, headers=shown(gateway)) as answer:
                try:
                    for part in answer.iter_raw():
                        received += part
                except httpx.RemoteProtocolError:
                    broken = True
            # nothing is added, repeated or changed: what the agent has is the beginning of what was said
            assert provider.stream[:at].startswith(received), at
            assert broken == (not politely or at < complete), at
            assert len(meter.settled) == len(meter.calls) == provider.asked == number
            done = meter.settled[-1]
            assert done.status in (("cut",) if at < complete else ("ok", "cut")), at
            if done.usage is not None:
                assert done.usage.input_tokens == 100, at
                assert done.usage.output_tokens <= 60, at
        spent = sum(
            done.usage.total if done.usage else call.estimate.tokens
            for call, done in zip(meter.calls, meter.settled, strict=True)
        )
        assert meter.spent_tokens == spent
    assert Slots(tmp_path, "anthropic", 1).slot().try_take()  # no slot is left behind


def test_a_stream_that_comes_to_its_end_is_passed_on_byte_for_byte(
    cutter: tuple[Cutter, str], tmp_path: Path
) -> None:
    provider, address = cutter
    provider.stream, provider.politely = STREAMS["anthropic-messages"], True
    provider.at = len(provider.stream)
    with gateway_before(address, tmp_path) as (gateway, meter):
        answer = post(f"{gateway.url}/v1/messages", json={**ASK, "stream": True}, headers=shown(gateway))
    assert answer.content == provider.stream
    assert [(done.status, done.usage) for done in meter.settled] == [("ok", Usage(100, 60, 60))]
