"""Clients and requests that the gateway's tests share."""

from collections.abc import Callable
from typing import Any

from bridle.gateway.server import Gateway

KEY = "sk-real-0123456789abcdef"
Open = Callable[..., Gateway]
"""See the fixture `open_gateway`."""


def anthropic_client(gateway: Gateway, retries: int = 0, **options: Any) -> Any:
    import anthropic

    return anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.token, max_retries=retries, timeout=10, **options
    )


def openai_client(gateway: Gateway, retries: int = 0) -> Any:
    import openai

    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=retries, timeout=10)


ASK: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "hi"}],
}
READ = {"name": "Read", "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}}}


def shown(gateway: Gateway) -> dict[str, str]:
    return {"x-api-key": gateway.token}
