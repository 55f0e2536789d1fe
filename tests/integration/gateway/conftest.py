"""A scripted model in a process of its own, and gateways before it."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from gateway_helpers import KEY, WILLING, Open

from bridle.gateway.budget import MemoryMeter, Meter
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place, Timeouts, Upstream
from bridle.testing.model_server import ModelServer

SCRIPT = """
talk:
  - - text: Reading it.
      ops: [{op: read, path: a.py}]
      usage: {input_tokens: 100, output_tokens: 20, cache_read_tokens: 60, cache_write_tokens: 10}
    - text: It is fixed, and this sentence is long enough for more than one piece of a stream.
      usage: {input_tokens: 150, output_tokens: 30}
small:
  - - {text: ok, usage: {input_tokens: 40, output_tokens: 10}}
slow:
  - - {text: ok, delay: 0.3, usage: {input_tokens: 40, output_tokens: 10}}
limited:
  - - {text: at last, fail: [429], retry_after: 7}
refused:
  - - {text: never, fail: [401, 401]}
forbidden:
  - - {text: never, fail: [403]}
unpaid:
  - - {text: never, fail: [402]}
down:
  - - {text: up again, fail: [529]}
cut:
  - - {text: this is a longer answer of which only a part will ever be seen by anybody, cut: true}
stall:
  - - {text: this is a longer answer of which only a part will ever be seen by anybody, stall: true}
hang:
  - - {text: never, hang: true}
"""


# the model counts attempts by round: each gateway of these tests starts afresh
_ROUNDS = count(1)


@pytest.fixture(scope="session")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    script = tmp_path_factory.mktemp("gateway") / "script.yaml"
    script.write_text(SCRIPT)
    with ModelServer(script) as running:
        yield running


@pytest.fixture
def provider(model_server: ModelServer) -> Provider:
    return Provider(
        "anthropic",
        {
            "anthropic-messages": f"{model_server.url}/v1/messages",
            "openai-chat": f"{model_server.url}/v1/chat/completions",
            "openai-responses": f"{model_server.url}/v1/responses",
        },
        key=KEY,
        connection="bridle_anthropic",
    )


@pytest.fixture
def meter() -> MemoryMeter:
    return MemoryMeter()


@pytest.fixture
def open_gateway(provider: Provider, meter: MemoryMeter) -> Iterator[Open]:
    """Starts a gateway for a task of the script; all are stopped at the end."""
    with ExitStack() as stack:

        def start(
            task: str,
            *,
            books: Meter = meter,
            timeouts: Timeouts | None = None,
            provider: Provider = provider,
            model: str = "claude-haiku-4-5",
            **options: Any,
        ) -> Gateway:
            place = Place(task, next(_ROUNDS), Path("/tree"))
            upstream = Upstream(provider, model, place.headers(), timeouts=timeouts or WILLING)
            return stack.enter_context(Gateway(upstream=upstream, meter=books, **options))

        yield start
