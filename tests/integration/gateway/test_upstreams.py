"""Live and scripted upstreams are one code path; only where the calls go differs."""

import json
from decimal import Decimal
from pathlib import Path

import anthropic
import pytest
from gateway_helpers import ASK, KEY, READ, anthropic_client, openai_client

from bridle.errors import ConfigError, CredentialError
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place, Upstream
from bridle.ledger.records import Usage
from bridle.testing.model_server import ModelServer

SCRIPT = """
größe.fix:
  - - {text: first round, ops: [{op: read, path: a.py}], usage: {input_tokens: 1000, output_tokens: 100}}
  - - {text: second round, usage: {input_tokens: 1000, output_tokens: 100}}
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_a_script_needs_no_key_and_costs_what_the_real_model_would(
    script: Path, tmp_path: Path, meter: MemoryMeter
) -> None:
    journal = tmp_path / "journal.jsonl"
    place = Place("größe.fix", 1, Path("/home/josé/tree"))
    upstream = Upstream.scripted("anthropic:claude-haiku-4-5", script, place, journal=journal)
    with Gateway(upstream=upstream, meter=meter) as gateway:
        answer = anthropic_client(gateway).messages.create(**ASK, tools=[READ])
    assert answer.content[1].input == {"file_path": "/home/josé/tree/a.py"}
    assert meter.settled[0].usage == Usage(1000, 100)
    assert meter.settled[0].price.amount == Decimal("0.0015")
    (line,) = map(json.loads, journal.read_text().splitlines())
    assert (line["task"], line["round"], line["usage"]["input_tokens"]) == ("größe.fix", 1, 1000)


def test_a_script_plays_every_dialect_round_by_round(script: Path, meter: MemoryMeter) -> None:
    upstream = Upstream.scripted("moonshot:kimi-k2.6", script, Place("größe.fix", 5))
    with Gateway(upstream=upstream, meter=meter) as gateway:
        answer = openai_client(gateway).chat.completions.create(**ASK | {"model": "kimi-k2.6"})
    assert answer.choices[0].message.content == "second round"
    assert meter.settled[0].price.amount is not None


def test_what_a_script_lacks_reaches_the_agent_in_words(script: Path, meter: MemoryMeter) -> None:
    upstream = Upstream.scripted("anthropic:claude-haiku-4-5", script, Place("review"))
    with (
        Gateway(upstream=upstream, meter=meter) as gateway,
        pytest.raises(anthropic.BadRequestError, match="script: no task 'review'"),
    ):
        anthropic_client(gateway).messages.create(**ASK)


def test_a_script_with_a_mistake_is_refused_before_the_session(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("fix: 1\n")
    with pytest.raises(ConfigError, match=r"script.yaml:1: fix"):
        Upstream.scripted("anthropic:m", path, Place("fix"))


def test_a_live_provider_comes_from_an_airflow_connection(
    model_server: ModelServer, meter: MemoryMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"session_headers": True, "dialects": ["anthropic-messages"]}
    given = {"conn_type": "bridle_model", "host": model_server.url, "password": KEY, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_ANTHROPIC", json.dumps(given))
    upstream = Upstream.live("anthropic:claude-haiku-4-5", None, Place("small", 1))
    with Gateway(upstream=upstream, meter=meter) as gateway:
        assert anthropic_client(gateway).messages.create(**ASK).content[0].text == "ok"
    assert KEY not in repr(upstream)


def test_a_live_provider_without_a_connection_fails_before_anything_starts() -> None:
    with pytest.raises(CredentialError, match="bridle_nobody"):
        Upstream.live("nobody:m", None, Place("small"))
