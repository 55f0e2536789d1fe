"""Clients and requests that the gateway's tests share."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Timeouts
from patience import PATIENCE

KEY = "sk-real-0123456789abcdef"
PATIENT = float(PATIENCE)
"""Seconds that a client waits for an answer that is sure to come."""
WILLING = Timeouts(PATIENT, PATIENT, PATIENT)
"""A gateway that gives up no provider because this machine is slow."""
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


def post(url: str, *, timeout: float | httpx.Timeout = PATIENT, **more: Any) -> httpx.Response:
    return httpx.post(url, timeout=timeout, **more)


def hang_up(gateway: Gateway, path: str, when: Callable[[], bool]) -> None:
    """Ask, and go away without an answer as soon as `when` is true."""

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=PATIENT) as agent:
            asked = asyncio.create_task(agent.post(gateway.url + path, json=ASK, headers=shown(gateway)))
            while not when():
                assert not asked.done(), "it was answered"
                await asyncio.sleep(0.01)
            asked.cancel()
            await asyncio.wait([asked])

    asyncio.run(asyncio.wait_for(ask(), PATIENT))


def at_rest(gateway: Gateway) -> bool:
    """Whether nobody waits in it, for a slot or for a provider: who does says so at least once a second."""
    before = gateway.last_traffic
    for _ in range(5):
        time.sleep(0.4)
    return gateway.last_traffic == before
