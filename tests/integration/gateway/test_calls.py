"""Calls through the gateway by the unmodified SDKs: passed on as they are, and booked."""

from typing import Any

import pytest
from gateway_helpers import ASK, KEY, READ, Open, anthropic_client, openai_client, post, shown

from bridle.gateway.budget import MemoryMeter
from bridle.ledger.records import Usage
from bridle.testing.model_server import ModelServer


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_sdk_works_through_it_with_tools(
    open_gateway: Open, meter: MemoryMeter, stream: bool
) -> None:
    messages = anthropic_client(open_gateway("talk")).messages

    def ask(history: Any) -> Any:
        asked = ASK | {"messages": history, "tools": [READ]}
        if not stream:
            return messages.create(**asked)
        with messages.stream(**asked) as events:
            return events.get_final_message()

    first = ask(ASK["messages"])
    assert first.content[1].input == {"file_path": "/tree/a.py"}
    result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "x"}
    history = [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = ask([*ASK["messages"], *history])
    assert second.content[0].text.endswith("piece of a stream.")
    assert [done.usage for done in meter.settled] == [Usage(100, 20, 60, 10), Usage(150, 30)]
    assert [done.status for done in meter.settled] == ["ok", "ok"]
    assert all(done.answered_model == "claude-haiku-4-5" for done in meter.settled)
    assert meter.settled[0].price.source == "genai-prices"


@pytest.mark.parametrize("asked_usage", [True, False])
@pytest.mark.parametrize("stream", [False, True])
def test_openai_sdk_works_through_it_and_is_booked_also_when_it_asks_for_no_usage(
    open_gateway: Open, meter: MemoryMeter, stream: bool, asked_usage: bool
) -> None:
    completions = openai_client(open_gateway("small")).chat.completions
    if stream:
        options: dict[str, Any] = {"stream_options": {"include_usage": True}} if asked_usage else {}
        chunks = list(completions.create(**ASK, stream=True, **options))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "ok"
        # a client that did not ask reads choices[0] of every chunk
        assert all(chunk.choices for chunk in chunks) is not asked_usage
    else:
        assert completions.create(**ASK).choices[0].message.content == "ok"
    assert [done.usage for done in meter.settled] == [Usage(40, 10)]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/messages", {"stream": True}),
        ("/v1/messages", {}),
        ("/v1/chat/completions", {"stream": True, "stream_options": {"include_usage": True}}),
    ],
)
def test_answers_pass_byte_for_byte(
    open_gateway: Open, model_server: ModelServer, path: str, more: dict[str, Any]
) -> None:
    import re

    gateway = open_gateway("small")
    through = post(gateway.url + path, json=ASK | more, headers=shown(gateway))
    direct = post(model_server.url + path, json=ASK | more, headers={"x-bridle-script": "small/1"})

    def without_ids(data: bytes) -> bytes:
        return re.sub(rb"(msg_|chatcmpl-)[0-9a-f]+", b"id", data)

    assert without_ids(through.content) == without_ids(direct.content)
    assert through.headers["content-type"] == direct.headers["content-type"]


def test_the_provider_sees_the_real_key_and_the_agent_only_the_token(
    open_gateway: Open, model_server: ModelServer
) -> None:
    gateway = open_gateway("small")
    headers = {"authorization": f"Bearer {gateway.token}", "x-bridle-script": "talk/1", "x-app": "cli"}
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=headers)
    assert answer.status_code == 200
    sent = [line for line in model_server.requests() if line.get("task") == "small"][-1]["headers"]
    assert sent["x-api-key"] == KEY
    assert sent["x-app"] == "cli"
    assert "authorization" not in sent
    assert KEY not in answer.text + str(answer.headers)
    assert gateway.token not in str(sent)


def test_what_it_measures_of_the_traffic(open_gateway: Open) -> None:
    gateway = open_gateway("small")
    before = gateway.last_traffic
    assert gateway.first_request_bytes is None
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    post(f"{gateway.url}/v1/messages", json=ASK | {"system": "longer"}, headers=shown(gateway))
    assert gateway.first_request_bytes == len(answer.request.content)
    assert gateway.last_traffic > before
    assert gateway.ended is None


def test_a_body_of_megabytes_passes_and_one_beyond_the_limit_does_not(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("small")
    big = ASK | {"messages": [{"role": "user", "content": "x" * 8_000_000}]}
    answer = post(f"{gateway.url}/v1/messages", json=big, headers=shown(gateway))
    assert answer.status_code == 200
    assert meter.calls[0].request_bytes > 8_000_000
    refused = post(f"{gateway.url}/v1/messages", content=b"x" * (33 << 20), headers=shown(gateway))
    assert refused.status_code == 413
    assert refused.json()["error"]["type"] == "request_too_large"
    assert len(meter.calls) == 1
