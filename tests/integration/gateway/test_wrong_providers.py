"""Addresses that are no API, models that nobody serves, keys that have run out: one clear error."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import anthropic
import pytest
from broken_provider import Reply, answering, serving
from gateway_helpers import ASK, KEY, anthropic_client

from bridle.agents.base import Outcome, SessionResult
from bridle.errors import ConfigError, CredentialError
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.connection import ModelHook
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Upstream
from bridle.harness.ending import error_of

Replying = Callable[[Reply], Provider]
PAGE = b"<!doctype html><html><body>Sign in to continue</body></html>"
NO_MODEL = b'{"type": "error", "error": {"type": "not_found_error", "message": "model: claude-haiku-4-5"}}'
ROUTER = b'{"error": {"message": "claude-haiku-4-5 is not a valid model ID", "code": 400}}'
EXPIRED = b'{"type": "error", "error": {"type": "authentication_error", "message": "API key expired"}}'


@pytest.fixture
def replying() -> Iterator[Replying]:
    with ExitStack() as stack:

        def start(reply: Reply) -> Provider:
            address = stack.enter_context(serving(reply))
            return Provider(
                "ours", {"anthropic-messages": f"{address}/v1/messages"}, key=KEY, connection="bridle_ours"
            )

        yield start


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (answering(200, PAGE, "text/html"), ConfigError, "answers 200 with no JSON: give the base URL"),
        (answering(404, PAGE, "text/html"), ConfigError, "answers 404 with no JSON: give the base URL"),
        (answering(302, b"", location="/login"), ConfigError, r"redirects elsewhere \(302\)"),
        (answering(404, NO_MODEL), ConfigError, "does not serve the model 'claude-haiku-4-5'.*in roles.yaml"),
        (answering(400, ROUTER), ConfigError, "does not serve the model 'claude-haiku-4-5'.*in roles.yaml"),
        (answering(401, EXPIRED), CredentialError, r"refused the API key \(401\).*bridle_ours"),
        (answering(400, EXPIRED), CredentialError, r"refused the API key \(400.*bridle_ours"),
    ],
    ids=[
        "a page",
        "a lost page",
        "a redirect",
        "no model",
        "router's no model",
        "expired",
        "expired with 400",
    ],
)
def test_the_session_ends_with_one_clear_error_that_no_retry_repeats(
    replying: Replying, meter: MemoryMeter, reply: Reply, error: type[Exception], said: str
) -> None:
    provider = replying(reply)
    with Gateway(upstream=Upstream(provider, ASK["model"]), meter=meter) as gateway:
        for _ in range(2):
            with pytest.raises(anthropic.APIStatusError, match="bridle: "):
                anthropic_client(gateway, retries=3).messages.create(**ASK)
        agents_word = SessionResult(outcome=Outcome.FAILED, reason="API error", retryable=True)
        ended = error_of(agents_word, gateway, session="s")
    assert isinstance(ended, error)
    with pytest.raises(error, match=said):
        raise ended
    assert len(meter.calls) == 1
    assert meter.spent_tokens == 0


@pytest.mark.parametrize(
    ("reply", "ok", "said"),
    [
        (answering(200, b'{"data": []}'), True, "takes the key"),
        (answering(200, PAGE, "text/html"), False, "a page and not with JSON; check the base URL"),
        (answering(401, EXPIRED), False, "refused the API key"),
        (answering(404, PAGE, "text/html"), False, "check that the base URL is the API's"),
        (answering(503, b""), False, "may be down"),
    ],
    ids=["good", "page", "expired", "lost", "down"],
)
def test_the_test_button_says_in_words_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, reply: Reply, ok: bool, said: str
) -> None:
    with serving(reply) as address:
        given = f'{{"conn_type": "bridle_model", "host": "{address}", "password": "k"}}'
        monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_OURS", given)
        worked, words = ModelHook("bridle_ours").test_connection()
    assert (worked, said in words) == (ok, True), words
