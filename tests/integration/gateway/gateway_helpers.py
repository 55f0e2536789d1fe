"""Clients and requests that the gateway's tests share."""

from collections.abc import Callable
from typing import Any

import httpx

from bridle.gateway.server import Gateway

KEY = "sk-real-0123456789abcdef"
PATIENT = 60
"""Seconds that a client waits for an answer that is sure to come: a full machine takes its time."""
Open = Callable[..., Gateway]
"""See the fixture `open_gateway`."""


def anthropic_client(gateway: Gateway, retries: int = 0, **options: Any) -> Any:
    import anthropic

    return anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.token, max_retries=retries, timeout=PATIENT, **options
    )


def openai_client(gateway: Gateway, retries: int = 0) -> Any:
    import openai

    return openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=retries, timeout=PATIENT
    )


ASK: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "hi"}],
}
READ = {"name": "Read", "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}}}


def shown(gateway: Gateway) -> dict[str, str]:
    return {"x-api-key": gateway.token}


def post(url: str, *, timeout: float = PATIENT, **more: Any) -> httpx.Response:
    return httpx.post(url, timeout=timeout, **more)
