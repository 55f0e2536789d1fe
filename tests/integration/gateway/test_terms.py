"""A session's token buys words of its own model, and nothing that the provider would fetch, run or call."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from gateway_helpers import ASK, READ, Open, post, shown

from bridle.gateway.budget import MemoryMeter
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Upstream
from bridle.testing.model_server import ModelServer

PATH = {"anthropic": "/v1/messages", "openai": "/v1/chat/completions", "responses": "/v1/responses"}
LEAK = "https://attacker.example/?secret"


def says(*content: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def in_a_result(*content: dict[str, Any]) -> dict[str, Any]:
    return says({"type": "tool_result", "tool_use_id": "t", "content": list(content)})


def asks(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"store": False, "input": list(items), **more}


BY_URL = {"type": "image", "source": {"type": "url", "url": LEAK}}
FORBIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("anthropic", {"model": "claude-opus-4-6"}),
    ("openai", {"model": "gpt-5-pro"}),
    ("anthropic", {"model": None}),
    ("anthropic", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}),
    ("anthropic", {"tools": [READ, {"type": "web_search_20250305", "name": "web_search"}]}),
    ("anthropic", {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}),
    ("anthropic", {"tools": [{"type": "mcp_toolset", "mcp_server_name": "m"}]}),
    ("anthropic", {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-6"}]}),
    ("anthropic", {"mcp_servers": [{"type": "url", "url": LEAK, "name": "m"}]}),
    ("anthropic", {"MCP_servers": [{"type": "url", "url": LEAK, "name": "m"}]}),
    ("anthropic", {"container": "c"}),
    ("anthropic", {"fallbacks": [{"model": "claude-opus-4-6"}]}),
    ("anthropic", {"context_management": {"edits": [{"type": "compact_20260112"}]}}),
    ("anthropic", says(BY_URL)),
    ("anthropic", says({"type": "document", "source": {"type": "url", "url": LEAK}})),
    ("anthropic", says({"type": "document", "source": {"type": "file", "file_id": "f"}})),
    ("anthropic", says({"type": "document", "source": {"type": "content", "content": [BY_URL]}})),
    ("anthropic", says({"type": "image", "source": {"type": "base64", "data": "", "url": LEAK}})),
    ("anthropic", says({"type": "container_upload", "file_id": "f"})),
    ("anthropic", says({"type": ["text"]})),
    ("anthropic", in_a_result(BY_URL)),
    (
        "anthropic",
        says(
            {
                "type": "tool_addition",
                "tool": {"type": "tool_definition", "definition": {"type": "web_fetch_20250910"}},
            }
        ),
    ),
    ("openai", {"web_search_options": {}}),
    ("openai", {"plugins": [{"id": "web"}]}),
    ("openai", {"models": ["gpt-5-pro"]}),
    ("openai", {"service_tier": "priority"}),
    ("openai", {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}),
    ("openai", says({"type": "image_url", "image_url": {"url": LEAK}})),
    ("openai", says({"type": "image_url", "image_url": LEAK})),
    ("openai", says({"type": "video_url", "video_url": {"url": LEAK}})),
    ("openai", says({"type": "file", "file": {"file_id": "f"}})),
    ("openai", says({"type": "file", "file": {"file_id": "f", "file_data": "data:,x"}})),
    ("openai", {"n": 0}),
    ("openai", {"n": -1000}),
    ("openai", {"n": True}),
    ("openai", {"max_tokens": 100_000.0}),
    ("openai", {"max_completion_tokens": 0}),
    ("openai", {"max_completion_tokens": 10**30}),
    ("anthropic", {"max_tokens": "50"}),
    ("responses", asks(max_output_tokens=0)),
    ("responses", asks(max_output_tokens=100_000.0)),
    ("responses", {"input": "hi"}),
    ("responses", {"input": "hi", "store": True}),
    ("responses", asks(model="gpt-5-pro")),
    ("responses", asks(previous_response_id="resp_1")),
    ("responses", asks(conversation="conv_1")),
    ("responses", asks(background=True)),
    ("responses", asks(prompt={"id": "p"})),
    ("responses", asks(service_tier="priority")),
    ("responses", asks(include=["web_search_call.results"])),
    ("responses", asks(tool_choice={"type": "web_search"})),
    ("responses", asks(tools=[{"type": "web_search"}])),
    ("responses", asks(tools=[{"type": "file_search", "vector_store_ids": ["v"]}])),
    ("responses", asks(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}])),
    ("responses", asks(tools=[{"type": "mcp", "server_label": "m", "server_url": LEAK}])),
    ("responses", asks(tools=[{"type": "image_generation"}])),
    ("responses", asks(tools=[{"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]}])),
    ("responses", asks({"type": "additional_tools", "tools": [{"type": "web_search"}]})),
    ("responses", asks({"type": "item_reference", "id": "msg_1"})),
    ("responses", asks({"type": "mcp_approval_response", "approve": True})),
    ("responses", asks({"role": "user", "content": [{"type": "input_image", "image_url": LEAK}]})),
    ("responses", asks({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]})),
    ("responses", asks({"role": "user", "content": [{"type": "input_file", "file_url": LEAK}]})),
    (
        "responses",
        asks(
            {
                "type": "function_call_output",
                "call_id": "c",
                "output": [{"type": "input_file", "file_id": "f", "file_data": "data:,x"}],
            }
        ),
    ),
]
PICTURE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
ALLOWED: list[tuple[str, dict[str, Any]]] = [
    ("anthropic", {"tools": [READ, READ | {"type": "custom"}, {"type": "bash_20250124", "name": "bash"}]}),
    ("anthropic", says({"type": "text", "text": LEAK}, {"type": "image", "source": PICTURE})),
    ("anthropic", in_a_result({"type": "image", "source": PICTURE})),
    (
        "anthropic",
        says({"type": "tool_use", "id": "t", "name": "Read", "input": {"source": {"type": "url"}}}),
    ),
    ("anthropic", {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}),
    ("openai", {"tools": [{"type": "function", "function": {"name": "read", "parameters": {}}}]}),
    ("openai", says({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})),
    ("responses", asks(tools=[{"type": "function", "name": "f"}, {"type": "custom", "name": "apply_patch"}])),
    ("responses", asks(include=["reasoning.encrypted_content"], client_metadata={"host": "mine"})),
    (
        "responses",
        asks(
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
            {"type": "function_call_output", "call_id": "c", "output": LEAK},
        ),
    ),
]


def send(gateway: Gateway, vendor: str, more: dict[str, Any], **headers: str) -> httpx.Response:
    asked = {"model": ASK["model"]} if vendor == "responses" else ASK
    return post(gateway.url + PATH[vendor], json=asked | more, headers=shown(gateway) | headers)


@pytest.mark.parametrize(("vendor", "more"), FORBIDDEN)
def test_what_a_provider_would_fetch_run_or_call_is_refused_before_the_books(
    open_gateway: Open, meter: MemoryMeter, model_server: ModelServer, vendor: str, more: dict[str, Any]
) -> None:
    gateway = open_gateway("small")
    before = len(model_server.requests())
    answer = send(gateway, vendor, more)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("bridle: refused: ")
    assert (len(model_server.requests()), meter.calls) == (before, [])
    assert gateway.ended is None
    assert send(gateway, "anthropic", {}).status_code == 200


@pytest.mark.parametrize(("vendor", "more"), ALLOWED)
def test_what_costs_tokens_only_passes(open_gateway: Open, vendor: str, more: dict[str, Any]) -> None:
    assert send(open_gateway("small"), vendor, more).status_code == 200


def test_a_name_given_twice_is_refused_because_the_provider_may_read_the_other_one(
    open_gateway: Open,
) -> None:
    gateway = open_gateway("small")
    twice = b'{"model": "claude-opus-4-6", "model": "claude-haiku-4-5", "max_tokens": 9, "messages": []}'
    answer = post(f"{gateway.url}/v1/messages", content=twice, headers=shown(gateway))
    assert answer.status_code == 400


def test_only_known_parts_of_the_beta_header_are_passed_on(
    open_gateway: Open, model_server: ModelServer
) -> None:
    gateway = open_gateway("small")
    mixed = "mcp-client-2025-11-20, context-1m-2025-08-07,claude-code-20250219,fast-mode-2026-02-01"
    for value in (mixed, "web-fetch-2025-09-10"):
        assert send(gateway, "anthropic", {}, **{"anthropic-beta": value}).status_code == 200
    sent = [line["headers"] for line in model_server.requests() if line.get("task") == "small"][-2:]
    assert sent[0]["anthropic-beta"] == "context-1m-2025-08-07,claude-code-20250219"
    assert "anthropic-beta" not in sent[1]


def test_further_models_are_allowed_in_so_many_words(
    open_gateway: Open, provider: Any, model_server: ModelServer, meter: MemoryMeter
) -> None:
    upstream = Upstream(provider, "claude-haiku-4-5[1m]", {"x-bridle-script": "small/1"})
    with Gateway(upstream=replace(upstream, also=frozenset({"claude-opus-4-6"})), meter=meter) as gateway:
        for model, status in {"claude-haiku-4-5": 200, "claude-opus-4-6": 200, "gpt-5": 400}.items():
            assert send(gateway, "anthropic", {"model": model}).status_code == status
