"""Providers that fail, agents that hang up: always an answer, always settled."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anthropic
import httpx
import openai
import pytest
from gateway_helpers import ASK, KEY, PATIENT, Open, anthropic_client, hang_up, openai_client, post, shown
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bridle.gateway.budget import MemoryMeter
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place, Timeouts, Upstream
from bridle.ledger.records import Usage
from patience import quickest, until

SOON = Timeouts(connect=PATIENT, first_byte=0.5, idle=PATIENT)
"""For providers that never answer."""
IDLE = Timeouts(connect=PATIENT, first_byte=PATIENT, idle=0.5)
"""For those that begin to, and say no more."""


def wait_for_books(meter: MemoryMeter) -> None:
    """The agent may be gone before the call is settled."""
    until("each call is settled", lambda: len(meter.settled) == len(meter.calls) > 0)


def test_429_passes_through_with_its_retry_after_and_costs_nothing(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("limited")
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["message"] == "scripted failure 429"
    assert gateway.ended == "provider"
    assert (meter.spent_tokens, meter.spent_usd) == (0, 0)
    assert post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway)).status_code == 200
    assert gateway.ended is None


def test_the_sdks_own_retry_gets_through_an_overload_and_every_attempt_is_booked(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    answer = anthropic_client(open_gateway("down"), retries=2).messages.create(**ASK)
    assert answer.content[0].text == "up again"
    assert [(done.status, done.http_status) for done in meter.settled] == [("error", 529), ("ok", 200)]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("refused", r"the provider refused the API key \(401\)"),
        ("forbidden", r"the provider refused the API key \(403\)"),
        ("unpaid", r"the account behind the API key has no credit \(402\)"),
    ],
)
def test_a_bad_key_is_told_once_and_never_tried_again(
    open_gateway: Open, meter: MemoryMeter, task: str, said: str
) -> None:
    gateway = open_gateway(task)
    for _ in range(2):
        with pytest.raises(
            anthropic.AuthenticationError, match=f"bridle: credential: {said}.*bridle_anthropic"
        ):
            anthropic_client(gateway, retries=3).messages.create(**ASK)
    assert gateway.ended == "credential"
    assert len(meter.calls) == 1
    assert KEY not in gateway.reason


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_never_answers_is_a_504_and_stays_booked_at_its_estimate(
    open_gateway: Open, meter: MemoryMeter, stream: bool
) -> None:
    gateway = open_gateway("hang", timeouts=SOON)
    with pytest.raises(
        anthropic.InternalServerError, match=r"bridle: provider: .* did not answer within 0.5 s"
    ):
        anthropic_client(gateway).messages.create(**ASK, stream=stream)
    assert gateway.ended == "provider"
    assert [(done.status, done.usage) for done in meter.settled] == [("timeout", None)]
    assert meter.spent_tokens == meter.calls[0].estimate.tokens


def test_a_stream_that_stalls_ends_in_an_error_event_of_either_dialect(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("stall", timeouts=IDLE)
    with pytest.raises(anthropic.APIStatusError, match=r"bridle: provider: .* was silent"):
        list(anthropic_client(gateway).messages.create(**ASK, stream=True))
    with pytest.raises(openai.APIError, match=r"bridle: provider: .* was silent"):
        list(openai_client(gateway).chat.completions.create(**ASK, stream=True))
    assert [done.status for done in meter.settled] == ["timeout", "timeout"]


def test_an_answer_in_one_piece_that_stalls_is_a_504(open_gateway: Open) -> None:
    gateway = open_gateway("stall", timeouts=IDLE)
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.status_code == 504


def test_a_broken_stream_breaks_at_the_agent_too_and_what_was_heard_is_counted(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        post(f"{gateway.url}/v1/messages", json=ASK | {"stream": True}, headers=shown(gateway))
    (done,) = meter.settled
    assert done.status == "cut"
    assert done.usage is not None
    assert done.usage.input_tokens > 0
    assert done.usage.output_tokens >= 13  # 40 characters arrived, at least
    assert gateway.ended == "provider"


def test_a_broken_answer_in_one_piece_is_a_502(open_gateway: Open, meter: MemoryMeter) -> None:
    gateway = open_gateway("cut")
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.status_code == 502
    assert [(done.status, done.usage) for done in meter.settled] == [("cut", None)]


def test_an_unreachable_provider_is_a_502_that_costs_nothing(open_gateway: Open, meter: MemoryMeter) -> None:
    nowhere = Provider("anthropic", {"anthropic-messages": "http://127.0.0.1:9/v1/messages"}, key=KEY)
    gateway = open_gateway("small", provider=nowhere)
    answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.status_code == 502
    assert "127.0.0.1 cannot be reached" in answer.json()["error"]["message"]
    assert meter.settled[0].usage == Usage()
    assert meter.spent_tokens == 0


def test_an_agent_that_hangs_up_in_mid_stream_is_settled_with_what_was_seen(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("stall")
    asked = ASK | {"stream": True}
    with httpx.stream(
        "POST", f"{gateway.url}/v1/messages", json=asked, headers=shown(gateway), timeout=PATIENT
    ) as answer:
        next(answer.iter_bytes())
    wait_for_books(meter)
    assert meter.settled[0].status == "aborted"
    assert meter.settled[0].usage is not None
    assert meter.settled[0].usage.input_tokens > 0
    assert gateway.ended is None


def test_an_agent_that_hangs_up_before_the_answer_is_settled_at_the_estimate(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("hang")
    hang_up(gateway, "/v1/chat/completions", lambda: bool(meter.calls))
    wait_for_books(meter)
    assert (meter.settled[0].status, meter.settled[0].usage) == ("aborted", None)
    assert meter.spent_tokens == meter.calls[0].estimate.tokens


def test_stopping_the_gateway_breaks_off_and_settles_a_call_under_way(
    open_gateway: Open, meter: MemoryMeter
) -> None:
    gateway = open_gateway("stall")
    asked = ASK | {"stream": True}
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream(
            "POST", f"{gateway.url}/v1/messages", json=asked, headers=shown(gateway), timeout=PATIENT
        ) as answer,
    ):
        parts = answer.iter_bytes()
        next(parts)
        gateway.stop()
        list(parts)
    # and not as one whose provider was waited for until it had said nothing for too long
    assert [done.status for done in meter.settled] == ["aborted"]


async def repeat_the_key(scope: Scope, receive: Receive, send: Send) -> None:
    key = Request(scope).headers["x-api-key"]
    await JSONResponse({"error": {"message": f"no such field for {key}"}}, 422)(scope, receive, send)


def test_an_error_of_the_provider_never_carries_the_key(meter: MemoryMeter) -> None:
    upstream = Upstream(Provider("anthropic", {}, key=KEY), ASK["model"], app=repeat_the_key)
    with Gateway(upstream=upstream, meter=meter) as gateway:
        answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.json()["error"]["message"] == "no such field for [redacted]"


def test_an_answer_that_counts_nothing_is_unknown_and_not_free(meter: MemoryMeter) -> None:
    """Some servers of one's own say that a call used no tokens."""

    async def count_nothing(scope: Scope, receive: Receive, send: Send) -> None:
        usage = {"input_tokens": 0, "output_tokens": 0}
        await JSONResponse({"model": ASK["model"], "usage": usage})(scope, receive, send)

    upstream = Upstream(Provider("anthropic", {}, key=KEY), ASK["model"], app=count_nothing)
    with Gateway(upstream=upstream, meter=meter) as gateway:
        post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
    (done,) = meter.settled
    assert (done.status, done.usage, done.price.amount) == ("ok", None, None)
    assert meter.spent_tokens == meter.calls[0].estimate.tokens


def test_an_error_in_mid_stream_is_the_providers_and_is_booked_with_what_was_heard(
    meter: MemoryMeter,
) -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in (start, error))

    async def fail_in_the_middle(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(stream, media_type="text/event-stream")(scope, receive, send)

    upstream = Upstream(Provider("anthropic", {}, key=KEY), ASK["model"], app=fail_in_the_middle)
    with Gateway(upstream=upstream, meter=meter) as gateway:
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            list(anthropic_client(gateway).messages.create(**ASK, stream=True))
        assert (gateway.ended, gateway.reason) == ("provider", "in mid-answer: Overloaded")
    assert [(done.status, done.usage) for done in meter.settled] == [("error", Usage(9, 1))]


def test_a_gateway_that_stops_does_not_wait_for_an_answer_that_its_scripted_model_takes_its_time_with(
    tmp_path: Path,
) -> None:
    """Airflow kills a task five seconds after it has asked it to end."""
    script, journal = tmp_path / "script.yaml", tmp_path / "journal.jsonl"
    script.write_text("slow: [[{text: at last, delay: 600}]]")
    model = f"anthropic:{ASK['model']}"

    def seconds_to_stop() -> float:
        meter = MemoryMeter()
        upstream = Upstream.scripted(model, script, Place("slow", 1, tmp_path), journal=journal)
        with Gateway(upstream=upstream, meter=meter) as gateway, ThreadPoolExecutor() as pool:
            asked = pool.submit(post, f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
            until("it is in the books", lambda: meter.calls)
            time.sleep(0.5)  # from the books to the model
            began = time.monotonic()
            gateway.stop()
            took = time.monotonic() - began
            assert not asked.result().is_success
        return took

    assert quickest(seconds_to_stop, enough=4) < 4
    assert not journal.exists(), "nothing was answered"
