"""What a provider is sent is what the agent sent, but for what keeps the books right."""

import json
from typing import Any

import pytest

from bridle.agents.base import Dialect
from bridle.gateway.request_body import request_body


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("anthropic-messages", {"model": "m", "stream": True}),
        ("openai-chat", {"model": "m"}),
        ("openai-responses", {"model": "m", "stream": True, "max_output_tokens": 9}),
    ],
)
def test_what_says_everything_is_passed_on_byte_for_byte(dialect: Dialect, body: dict[str, Any]) -> None:
    raw = b" " + json.dumps(body).encode()
    assert request_body(dialect, raw, body) is raw


@pytest.mark.parametrize("limit", [{}, {"max_output_tokens": None}], ids=["absent", "null"])
def test_an_answer_without_a_limit_is_given_the_one_that_was_reserved(limit: dict[str, Any]) -> None:
    body = {"model": "m", "input": "hi", "client_metadata": {"host": "mine"}, **limit}
    sent = json.loads(request_body("openai-responses", json.dumps(body).encode(), body))
    assert sent == {"model": "m", "input": "hi", "max_output_tokens": 16_000}
