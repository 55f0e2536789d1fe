"""A cap is a cap, a stop is a stop, and both end the session in the provider's own words."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import anthropic
import openai
import pytest
from gateway_helpers import ASK, Open, anthropic_client, openai_client, post, shown

from bridle.errors import FenceLost, LedgerUnavailable, StopRequested
from bridle.gateway.budget import Call, MemoryMeter
from bridle.testing.model_server import ModelServer


def test_a_budget_spent_in_mid_session_is_a_400_that_no_sdk_retries(
    open_gateway: Open, model_server: ModelServer
) -> None:
    meter = MemoryMeter(cap_tokens=250)
    gateway = open_gateway("small", books=meter)
    client = anthropic_client(gateway, retries=4)
    client.messages.create(**ASK)
    with pytest.raises(anthropic.BadRequestError, match="bridle: budget: 250 tokens do not last"):
        for _ in range(9):
            client.messages.create(**ASK)
    assert gateway.ended == "budget"
    assert "250 tokens" in gateway.reason
    asked = len(model_server.requests())
    with pytest.raises(openai.BadRequestError, match="bridle: budget"):
        openai_client(gateway, retries=4).chat.completions.create(**ASK)
    assert len(model_server.requests()) == asked
    assert meter.spent_tokens <= 250


def test_parallel_calls_cannot_overshoot_a_cap_together(open_gateway: Open) -> None:
    meter = MemoryMeter(cap_tokens=600)
    gateway = open_gateway("slow", books=meter)

    def call(_: int) -> int:
        answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
        return answer.status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(call, range(12)))
    assert set(statuses) == {200, 400}
    assert meter.spent_tokens == 50 * statuses.count(200) <= 600


def test_dollars_are_capped_and_counted_by_the_price_of_each_call(open_gateway: Open) -> None:
    meter = MemoryMeter(cap_usd=Decimal("0.001"))
    gateway = open_gateway("small", books=meter)
    client = anthropic_client(gateway)
    with pytest.raises(anthropic.BadRequestError, match="bridle: budget"):
        for _ in range(30):
            client.messages.create(**ASK)
    assert len(meter.settled) >= 3
    assert meter.spent_usd == len(meter.settled) * Decimal("0.00009")
    assert meter.spent_usd <= Decimal("0.001")


def test_a_dollar_cap_on_a_model_without_a_known_price_is_refused_before_the_first_call(
    open_gateway: Open, model_server: ModelServer
) -> None:
    gateway = open_gateway("small", model="my-own-model", books=MemoryMeter(cap_usd=Decimal(5)))
    asked = len(model_server.requests())
    with pytest.raises(anthropic.BadRequestError, match="nobody knows what my-own-model costs"):
        anthropic_client(gateway).messages.create(**ASK | {"model": "my-own-model"})
    assert len(model_server.requests()) == asked


def test_an_unknown_price_stays_unknown(open_gateway: Open, meter: MemoryMeter) -> None:
    gateway = open_gateway("small", model="my-own-model")
    anthropic_client(gateway).messages.create(**ASK | {"model": "my-own-model"})
    assert meter.calls[0].estimate.usd is None
    assert meter.settled[0].price.amount is None


class Refusing(MemoryMeter):
    """Books that are closed."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    def reserve(self, call: Call) -> UUID:
        if self.error:
            raise self.error
        return super().reserve(call)


@pytest.mark.parametrize("error", [StopRequested("ada said stop"), FenceLost("attempt 2 has begun")])
def test_a_stop_and_a_newer_attempt_end_the_session(open_gateway: Open, error: Exception) -> None:
    gateway = open_gateway("small", books=Refusing(error))
    with pytest.raises(anthropic.BadRequestError, match=f"bridle: stopped: {error}"):
        anthropic_client(gateway, retries=4).messages.create(**ASK)
    assert gateway.ended == "stopped"


def test_without_the_ledger_no_call_is_made_and_the_session_may_go_on_when_it_is_back(
    open_gateway: Open, model_server: ModelServer
) -> None:
    books = Refusing(LedgerUnavailable("Postgres is away"))
    gateway = open_gateway("small", books=books)
    asked = len(model_server.requests())
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert (answer.status_code, len(model_server.requests())) == (503, asked)
    assert answer.json()["error"]["message"] == "bridle: ledger: Postgres is away"
    books.error = None
    assert anthropic_client(gateway).messages.create(**ASK).content[0].text == "ok"
    assert gateway.ended is None


def test_the_estimate_is_never_below_what_is_used(open_gateway: Open, meter: MemoryMeter) -> None:
    client = anthropic_client(open_gateway("small"))
    history: list[Any] = list(ASK["messages"])
    for _ in range(4):
        client.messages.create(**ASK | {"messages": history})
        history[0] = {"role": "user", "content": history[0]["content"] + " and more" * 20}
    for call, done in zip(meter.calls, meter.settled, strict=True):
        assert done.usage is not None
        assert done.price.amount is not None
        assert call.estimate.usd is not None
        assert done.usage.total <= call.estimate.tokens
        assert done.price.amount <= call.estimate.usd
