"""A provider's calls at once: never more than it allows, whoever asks, and nobody fails for having waited."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from broken_provider import answering, serving
from gateway_helpers import ASK, PATIENT, at_rest, hang_up, post, shown

from bridle.agents.base import Event, EventKind
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.slots import Slots
from bridle.gateway.upstream import Upstream
from patience import until

HOLD = """
import sys, time
from pathlib import Path
from bridle.gateway.slots import Slots
slot = Slots(Path(sys.argv[1]), "anthropic", 1).slot()
assert slot.try_take()
print("held", flush=True)
time.sleep(60)
"""


class Limited:
    """Answers so many calls at once, and 429 to every other; `company`: the first only beside a second."""

    def __init__(self, allowed: int, seconds: float, *, company: bool = False) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._now = 0
        self._lock = threading.Lock()
        self._company = threading.Event()
        if not company:
            self._company.set()
        self.most = 0
        self.refused = 0

    def __call__(self, handler: BaseHTTPRequestHandler, raw: bytes) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            full = self._now > self._allowed
            self.refused += full
            if self._now > 1:
                self._company.set()
        self._company.wait(PATIENT / 2)
        time.sleep(self._seconds)
        with self._lock:  # before the answer: whoever has it may call again at once
            self._now -= 1
        usage = {"usage": {"input_tokens": 10, "output_tokens": 1}, "model": ASK["model"]}
        answering(429 if full else 200, json.dumps(usage).encode())(handler, raw)


@pytest.fixture
def limited() -> Iterator[Provider]:
    with serving(Limited(5, 0.01)) as address:
        yield allowing_five(address)


def allowing_five(address: str) -> Provider:
    return Provider("anthropic", {"anthropic-messages": f"{address}/v1/messages"}, key="k", concurrency=5)


def test_fifty_sessions_at_once_never_make_more_calls_than_the_provider_allows_and_none_fails(
    tmp_path: Path,
) -> None:
    replies = Limited(5, 0.01, company=True)
    meter = MemoryMeter()
    everyone = threading.Barrier(50)

    def session(_: int) -> list[int]:
        with (
            Gateway(upstream=Upstream(provider, ASK["model"]), meter=meter, slots=tmp_path) as gateway,
            httpx.Client(headers=shown(gateway), timeout=PATIENT) as agent,
        ):
            everyone.wait()
            return [agent.post(f"{gateway.url}/v1/messages", json=ASK).status_code for _ in range(2)]

    with serving(replies) as address, ThreadPoolExecutor(50) as pool:
        provider = allowing_five(address)
        answers = list(pool.map(session, range(50)))
    assert answers == [[200, 200]] * 50
    assert (replies.most <= 5, replies.refused) == (True, 0)
    assert replies.most > 1
    assert len(meter.settled) == 100


def test_a_slot_is_free_again_when_its_process_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not Slots(tmp_path, "anthropic", 1).slot().try_take()
        assert Slots(tmp_path, "openai", 1).slot().try_take()
        holder.kill()
    assert Slots(tmp_path, "anthropic", 1).slot().try_take()


def test_waiting_for_a_slot_is_no_idleness_and_people_are_told(limited: Provider, tmp_path: Path) -> None:
    """A session that waits must not be ended for being silent."""
    taken = [Slots(tmp_path, "anthropic", 5).slot() for _ in range(5)]
    assert all(slot.try_take() for slot in taken)
    told: list[Event] = []
    gateway = Gateway(
        upstream=Upstream(limited, ASK["model"]), meter=MemoryMeter(), slots=tmp_path, on_event=told.append
    )
    with gateway, ThreadPoolExecutor(1) as pool:
        ask = {"json": ASK, "headers": shown(gateway)}
        answer = pool.submit(post, f"{gateway.url}/v1/messages", **ask)
        until("people are told", lambda: told)
        before = gateway.last_traffic
        until("waiting is told as traffic", lambda: gateway.last_traffic > before)
        assert not answer.done()
        taken[3].release()
        assert answer.result().status_code == 200
    (event,) = told
    assert event.kind is EventKind.WAITING
    assert event.payload["reason"] == "all 5 calls at once of anthropic are taken"


def test_an_agent_that_goes_away_while_it_waits_takes_no_slot(limited: Provider, tmp_path: Path) -> None:
    taken = [Slots(tmp_path, "anthropic", 5).slot() for _ in range(5)]
    assert all(slot.try_take() for slot in taken)
    meter = MemoryMeter()
    moved: set[float] = set()

    def waits() -> bool:
        moved.add(gateway.last_traffic)
        return len(moved) > 3

    with Gateway(upstream=Upstream(limited, ASK["model"]), meter=meter, slots=tmp_path) as gateway:
        hang_up(gateway, "/v1/messages", waits)
        until("it waits no longer", lambda: at_rest(gateway))
        for slot in taken:
            slot.release()
        again = [Slots(tmp_path, "anthropic", 5).slot() for _ in range(5)]
        assert all(slot.try_take() for slot in again)
    assert meter.calls == []


def test_a_call_that_waited_while_the_last_turn_was_taken_is_not_made(tmp_path: Path) -> None:
    meter = MemoryMeter()
    with serving(Limited(5, 1.0)) as address:
        url = {"anthropic-messages": f"{address}/v1/messages"}
        upstream = Upstream(Provider("anthropic", url, key="k", concurrency=1), ASK["model"])
        gateway = Gateway(upstream=upstream, meter=meter, slots=tmp_path, turns=1)
        with gateway, ThreadPoolExecutor(2) as pool:
            ask = {"json": ASK, "headers": shown(gateway)}
            answers = [pool.submit(post, f"{gateway.url}/v1/messages", **ask) for _ in range(2)]
            assert sorted(answer.result().status_code for answer in answers) == [200, 400]
    assert len(meter.calls) == 1


def test_nobody_but_the_worker_can_open_a_slot_and_so_hold_it(tmp_path: Path) -> None:
    """A lock needs no right to write: an agent that is another user must not reach the files at all."""
    slot = Slots(tmp_path / "slots", "anthropic", 1).slot()
    assert slot.try_take()
    slot.release()
    folder = tmp_path / "slots/anthropic"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "0")] == [0o700, 0o600]
