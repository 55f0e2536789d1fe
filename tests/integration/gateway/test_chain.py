"""A chain of models: who answers when the first does not, what is booked, and who is told."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import anthropic
import pytest
from broken_provider import Reply, answering, serving
from gateway_helpers import ASK, PATIENT, WILLING, anthropic_client, at_rest, hang_up, post, shown

from bridle.agents.base import Event, EventKind
from bridle.errors import LedgerUnavailable
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Timeouts, Upstream
from patience import until

SOON = Timeouts(connect=PATIENT, first_byte=0.5, idle=PATIENT)
Models = Callable[..., Gateway]


class Model:
    """Answers with its name; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, handler: BaseHTTPRequestHandler, raw: bytes) -> None:
        body = json.loads(raw)
        self.asked.append(body)
        answer = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": body["model"]}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 100, "output_tokens": 10},
        }
        answering(200, json.dumps(answer).encode())(handler, raw)


def first(*replies: Reply) -> Reply:
    """One reply after the other, the last one for ever."""
    left = list(replies)

    def reply(handler: BaseHTTPRequestHandler, raw: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, raw)

    return reply


def hang(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.rfile.read(1)  # until whoever asked has gone
    handler.close_connection = True


def close(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.close_connection = True


def overloaded(status: int, **headers: str) -> Reply:
    return answering(status, b'{"type": "error", "error": {"message": "too busy"}}', **headers)


class Told(list[Event]):
    """What people and books were told; `away`: they cannot be."""

    away = False

    def append(self, event: Event) -> None:
        if self.away:
            raise LedgerUnavailable("Postgres is away")
        super().append(event)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def models(meter: MemoryMeter, told: list[Event]) -> Iterator[Models]:
    """Starts a gateway whose session's own model is the first of these replies, the others its fallback."""
    with ExitStack() as stack:

        def start(*replies: Reply) -> Gateway:
            upstreams = []
            for number, reply in enumerate(replies):
                address = stack.enter_context(serving(reply))
                url = {"anthropic-messages": f"{address}/v1/messages"}
                name = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")[number]
                provider = Provider("anthropic", url, key=f"key-{number}", connection=f"conn-{number}")
                timeouts = SOON if reply is hang else WILLING
                upstreams.append(Upstream(provider, name, timeouts=timeouts))
            return stack.enter_context(
                Gateway(upstream=upstreams[0], fallback=upstreams[1:], meter=meter, on_event=told.append)
            )

        yield start


@pytest.mark.parametrize(
    ("reply", "said", "booked"),
    [
        (overloaded(429, retry_after="30"), "answers 429: too busy", ("error", 429)),
        (overloaded(529), "answers 529: too busy", ("error", 529)),
        (overloaded(503), "answers 503: too busy", ("error", 503)),
        (close, "hung up before it answered", ("cut", None)),
        (hang, "did not answer within 0.5 s", ("timeout", None)),
    ],
    ids=["429", "529", "503", "hung up", "slow"],
)
def test_the_next_model_answers_the_first_request_and_each_attempt_has_its_own_row(
    models: Models, meter: MemoryMeter, told: list[Event], reply: Reply, said: str, booked: tuple[str, Any]
) -> None:
    stand_in = Model()
    gateway = models(reply, stand_in)
    answer = anthropic_client(gateway).messages.create(**ASK)
    assert answer.content[0].text == "claude-sonnet-4-5"
    assert [call.model for call in meter.calls] == ["claude-haiku-4-5", "claude-sonnet-4-5"]
    assert [(done.status, done.http_status) for done in meter.settled] == [booked, ("ok", 200)]
    assert meter.settled[1].price.amount is not None
    assert float(meter.settled[1].price.amount) == pytest.approx(100 * 3e-6 + 10 * 15e-6)  # Sonnet's price
    (event,) = told
    assert event.kind is EventKind.FALLBACK
    assert (event.payload["model"], event.payload["next"]) == (
        "anthropic:claude-haiku-4-5",
        "anthropic:claude-sonnet-4-5",
    )
    assert said in event.payload["reason"]
    assert gateway.ended is None


def test_after_its_first_answer_a_session_stays_with_its_model_and_errors_pass(
    models: Models, told: list[Event]
) -> None:
    """Another model would read a conversation that it has not written."""
    stand_in = Model()
    gateway = models(first(Model(), overloaded(529)), stand_in)
    client = anthropic_client(gateway)
    assert client.messages.create(**ASK).content[0].text == "claude-haiku-4-5"
    with pytest.raises(anthropic.InternalServerError, match="too busy"):
        client.messages.create(**ASK)
    assert (stand_in.asked, told) == ([], [])
    assert gateway.ended == "provider"
    assert gateway.left == ("anthropic:claude-sonnet-4-5",)


def test_a_session_stays_with_the_model_that_stood_in(models: Models) -> None:
    own = Model()
    gateway = models(first(overloaded(503), own), Model(), Model())
    client = anthropic_client(gateway)
    for _ in range(3):
        assert client.messages.create(**ASK).content[0].text == "claude-sonnet-4-5"
    assert own.asked == []
    assert gateway.left == ("anthropic:claude-opus-4-5",)


def test_when_no_model_answers_the_agents_retry_begins_where_nobody_asked_to_wait(
    models: Models, meter: MemoryMeter, told: list[Event]
) -> None:
    """The first asked for half a minute, the second for nothing: only the second is asked again at once."""
    gateway = models(overloaded(429, retry_after="30"), first(overloaded(503, retry_after="0"), Model()))
    answer = anthropic_client(gateway, retries=2).messages.create(**ASK)
    assert answer.content[0].text == "claude-sonnet-4-5"
    asked = [call.model for call in meter.calls]
    assert asked == ["claude-haiku-4-5", "claude-sonnet-4-5", "claude-sonnet-4-5"]
    assert len(told) == 1


def test_when_every_provider_asks_to_wait_the_gateway_waits_and_that_is_not_idle(
    models: Models, meter: MemoryMeter
) -> None:
    asked: list[list[float]] = [[], []]

    def pausing(when: list[float]) -> Reply:
        def reply(handler: BaseHTTPRequestHandler, raw: bytes) -> None:
            when.append(time.monotonic())
            overloaded(429, retry_after="1.2")(handler, raw)

        return reply

    gateway = models(*map(pausing, asked))
    for _ in range(2):
        answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
        assert answer.status_code == 429
    assert len(meter.calls) >= 3
    waits = [later - earlier for when in asked for earlier, later in pairwise(when)]
    assert waits
    assert min(waits) >= 1.2, "one was asked again before its time"


def test_a_long_pause_of_one_provider_does_not_end_a_chain_whose_other_model_is_ready_before(
    models: Models,
) -> None:
    gateway = models(first(overloaded(503), Model()), overloaded(429, retry_after="3600"))
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "0")
    assert gateway.retry_after is None
    again = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert again.json()["content"][0]["text"] == "claude-haiku-4-5"


def test_when_all_of_a_chain_ask_for_a_long_pause_the_shortest_is_the_tasks(models: Models) -> None:
    gateway = models(overloaded(429, retry_after="900"), overloaded(429, retry_after="3600"))
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
    assert gateway.retry_after == pytest.approx(900, abs=200)


def test_what_an_earlier_call_was_told_to_wait_says_nothing_of_the_last_one(models: Models) -> None:
    """Otherwise Airflow would try again at once, or much too late, while the provider is still down."""
    gateway = models(first(overloaded(429, retry_after="1"), close))
    post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert gateway.retry_after is not None
    assert post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway)).status_code == 502
    assert gateway.retry_after is None


def test_people_and_books_are_told_when_the_first_model_answers_after_all(
    models: Models, told: list[Event]
) -> None:
    """Otherwise the session would be the stand-in's, with a transcript that it has not written."""
    gateway = models(first(overloaded(503, retry_after="0"), Model()), overloaded(429, retry_after="30"))
    post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.json()["content"][0]["text"] == "claude-haiku-4-5"
    assert [event.payload["next"] for event in told] == [
        "anthropic:claude-sonnet-4-5",
        "anthropic:claude-haiku-4-5",
    ]
    assert "answers 429" in told[1].payload["reason"]


def test_no_other_model_is_asked_before_the_books_know_of_it(models: Models, told: Told) -> None:
    own, stand_in = Model(), Model()
    gateway = models(first(overloaded(503, retry_after="50"), own), stand_in)
    told.away = True
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.status_code == 503
    assert "bridle: ledger: Postgres is away" in answer.text
    assert (stand_in.asked, gateway.ended) == ([], "provider")
    told.away = False
    again = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert again.json()["content"][0]["text"] == "claude-sonnet-4-5"
    assert [event.payload["next"] for event in told] == ["anthropic:claude-sonnet-4-5"]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_another_model_would_not_mend_is_no_reason_to_change(
    models: Models, told: list[Event], status: int
) -> None:
    stand_in = Model()
    gateway = models(overloaded(status), stand_in)
    with pytest.raises(anthropic.APIStatusError):
        anthropic_client(gateway).messages.create(**ASK)
    assert (stand_in.asked, told) == ([], [])


def test_an_agent_that_goes_away_while_the_gateway_waits_ends_the_waiting(
    models: Models, meter: MemoryMeter
) -> None:
    pause = overloaded(429, retry_after="30")
    gateway = models(pause, pause)
    ask = {"json": ASK, "headers": shown(gateway)}
    post(f"{gateway.url}/v1/messages", **ask)
    before = gateway.last_traffic
    hang_up(gateway, "/v1/messages", lambda: gateway.last_traffic > before)
    until("it waits no longer", lambda: at_rest(gateway))
    assert len(meter.settled) == len(meter.calls) == 2
