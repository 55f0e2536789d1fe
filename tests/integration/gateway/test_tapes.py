"""A recorded session played again: the same answers and books elsewhere, and a clear word when it drifts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from gateway_helpers import (
    ASK,
    KEY,
    PATIENT,
    READ,
    WILLING,
    anthropic_client,
    hang_up,
    openai_client,
    post,
    shown,
)

from bridle.agents.base import Outcome, SessionResult
from bridle.errors import ConfigError
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.portable import Portable
from bridle.gateway.providers import Provider
from bridle.gateway.recording import Recording
from bridle.gateway.replaying import Replaying
from bridle.gateway.server import Gateway
from bridle.gateway.tape import Tape
from bridle.gateway.upstream import Place, Timeouts, Upstream
from bridle.gateway.wire import PATHS
from bridle.harness.ending import error_of
from bridle.testing.model_server import ModelServer
from patience import until

HERE, ELSEWHERE = Path("/srv/one/sessions/s1/tree"), Path("/home/jane/two words/tree")
NOWHERE = Provider(
    "anthropic", {spoken: f"http://replay.invalid{path}" for path, spoken in PATHS.items()}, ""
)
SOON = Timeouts(connect=PATIENT, first_byte=1, idle=PATIENT)


def portable(tree: Path) -> Portable:
    return Portable({"{{workdir}}": tree}, known=lambda text: text.replace("hunter2hunter2", "[redacted]"))


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


@contextmanager
def playing(upstream: Upstream, tape: Tape) -> Iterator[tuple[Gateway, MemoryMeter]]:
    meter = MemoryMeter()
    with Gateway(upstream=upstream, meter=meter, tape=tape) as gateway:
        yield gateway, meter


def recorded(tape: Path, server: ModelServer, task: str, timeouts: Timeouts = WILLING) -> Any:
    address = {spoken: f"{server.url}{path}" for path, spoken in PATHS.items()}
    provider = Provider("anthropic", address, key=KEY)
    place = Place(task, 900 + hash(tape) % 10_000, HERE)
    upstream = Upstream(provider, ASK["model"], place.headers(), timeouts=timeouts)
    return playing(upstream, Recording(tape, portable(HERE)))


def replayed(tape: Path) -> Any:
    return playing(Upstream(NOWHERE, ASK["model"], timeouts=WILLING), Replaying(tape, portable(ELSEWHERE)))


def books(meter: MemoryMeter) -> list[Any]:
    return [
        (call.model, done.status, done.http_status, done.usage, done.price)
        for call, done in zip(meter.calls, meter.settled, strict=True)
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_paths_in_answers_follow_the_folder_and_the_books_are_the_same(
    model_server: ModelServer, tape: Path, stream: bool
) -> None:
    def ask(gateway: Gateway, tree: Path) -> Any:
        asked = {**ASK, "tools": [READ], "messages": [{"role": "user", "content": f"Work in {tree}."}]}
        if not stream:
            return anthropic_client(gateway).messages.create(**asked)
        with anthropic_client(gateway).messages.stream(**asked) as events:
            return events.get_final_message()

    with recorded(tape, model_server, "talk") as (gateway, first):
        said = ask(gateway, HERE)
    with replayed(tape) as (gateway, second):
        again = ask(gateway, ELSEWHERE)
    assert said.content[1].input == {"file_path": f"{HERE}/a.py"}
    assert again.content[1].input == {"file_path": f"{ELSEWHERE}/a.py"}
    assert again.content[0].text == said.content[0].text
    assert books(second) == books(first)
    text = tape.read_text()
    assert "{{workdir}}/a.py" in text
    assert (str(HERE) in text, KEY in text) == (False, False)


def test_the_other_dialect_is_played_as_it_was(model_server: ModelServer, tape: Path) -> None:
    asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}

    def ask(gateway: Gateway) -> str:
        chunks = openai_client(gateway).chat.completions.create(**asked)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    with recorded(tape, model_server, "small") as (gateway, first):
        said = ask(gateway)
    with replayed(tape) as (gateway, second):
        assert ask(gateway) == said == "ok"
    assert books(second) == books(first)


@pytest.mark.parametrize("task", ["limited", "down", "cut"])
def test_what_went_wrong_goes_wrong_again(model_server: ModelServer, tape: Path, task: str) -> None:
    def ask(gateway: Gateway) -> list[Any]:
        seen: list[Any] = []
        for _ in range(2):
            asked = {**ASK, "stream": task == "cut"}
            try:
                answer = post(f"{gateway.url}/v1/messages", json=asked, headers=shown(gateway))
                seen.append(answer.status_code)
            except httpx.RemoteProtocolError:
                seen.append("broken")
        return seen

    with recorded(tape, model_server, task) as (gateway, first):
        seen = ask(gateway)
    with replayed(tape) as (gateway, second):
        assert ask(gateway) == seen
    assert books(second) == books(first)


def test_a_call_that_the_agent_gave_up_is_not_recorded_as_a_slow_provider(
    model_server: ModelServer, tape: Path
) -> None:
    with recorded(tape, model_server, "hang") as (gateway, meter):
        hang_up(gateway, "/v1/messages", lambda: bool(meter.calls))
        until("the call is settled", lambda: meter.settled)
    assert [done.status for done in meter.settled] == ["aborted"]
    assert tape.read_text() == ""


def test_a_provider_that_is_slow_is_recorded_as_that(model_server: ModelServer, tape: Path) -> None:
    with recorded(tape, model_server, "hang", SOON) as (gateway, _):
        assert post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway)).status_code == 504
    assert json.loads(tape.read_text())["lost"] == "slow"


def test_a_request_that_drifts_is_told_with_the_first_difference(
    model_server: ModelServer, tape: Path
) -> None:
    with recorded(tape, model_server, "small") as (gateway, _):
        anthropic_client(gateway).messages.create(**ASK)
    with replayed(tape) as (gateway, meter):
        with pytest.raises(anthropic.BadRequestError, match="bridle: config: replay: the session asks for"):
            anthropic_client(gateway, retries=3).messages.create(
                **{**ASK, "messages": [{"role": "user", "content": "hello"}]}
            )
        ended = error_of(SessionResult(outcome=Outcome.FAILED), gateway, session="s")
    assert isinstance(ended, ConfigError)
    assert "request.messages[0].content: 'hi' in the recording, 'hello' now" in str(ended)
    assert meter.spent_tokens == 0


def test_a_session_that_asks_on_after_the_end_is_told_so(model_server: ModelServer, tape: Path) -> None:
    with recorded(tape, model_server, "small") as (gateway, _):
        anthropic_client(gateway).messages.create(**ASK)
    with replayed(tape) as (gateway, _):
        anthropic_client(gateway).messages.create(**ASK)
        with pytest.raises(anthropic.BadRequestError, match=r"tape.jsonl is at its end"):
            anthropic_client(gateway).messages.create(**ASK)


def test_a_recording_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "plan.1.1.jsonl").write_text("")
    with pytest.raises(ConfigError, match=r"fix.1.1.jsonl is not in the recording .*; it has plan.1.1"):
        Replaying(tmp_path / "fix.1.1.jsonl", portable(HERE))
    (tmp_path / "broken.jsonl").write_text("{}\n")
    with pytest.raises(ConfigError, match=r"broken.jsonl:1: no call of a recording"):
        Replaying(tmp_path / "broken.jsonl", portable(HERE))


def test_a_recording_is_plain_json_lines(model_server: ModelServer, tape: Path) -> None:
    with recorded(tape, model_server, "small") as (gateway, _):
        anthropic_client(gateway).messages.create(**ASK)
    (line,) = map(json.loads, tape.read_text().splitlines())
    assert line["request"]["messages"] == ASK["messages"]
    assert line["answer"]["status"] == 200
    assert line["answer"]["body"]["content"][0]["text"] == "ok"
