"""Who gets in, and what is answered without asking a model."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from gateway_helpers import ASK, PATIENT, Open, anthropic_client, post, shown

from bridle.errors import ConfigError
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.providers import Provider
from bridle.testing.model_server import ModelServer


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wröng"}])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens"])
def test_without_the_token_nothing_is_answered(
    open_gateway: Open, meter: MemoryMeter, headers: dict[str, str], path: str
) -> None:
    encoded = {name: value.encode() for name, value in headers.items()}
    answer = post(open_gateway("small").url + path, json=ASK, headers=encoded)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("bridle: token")
    assert meter.calls == []


def test_greeting_models_and_token_counts_are_answered_here(
    open_gateway: Open, model_server: ModelServer
) -> None:
    gateway = open_gateway("small")
    before = len(model_server.requests())
    assert httpx.head(f"{gateway.url}/api/hello").status_code == 200
    client = anthropic_client(gateway)
    assert [model.id for model in client.models.list()] == ["claude-haiku-4-5"]
    counted = client.messages.count_tokens(model="m", messages=ASK["messages"])
    assert counted.input_tokens > 0
    assert len(model_server.requests()) == before


def test_any_other_path_is_a_404_in_the_providers_words(open_gateway: Open) -> None:
    gateway = open_gateway("small")
    theirs = post(f"{gateway.url}/v1/files", headers={**shown(gateway), "anthropic-version": "1"})
    assert (theirs.status_code, theirs.json()["type"]) == (404, "error")
    ours = httpx.get(f"{gateway.url}/v1/embeddings", headers=shown(gateway), timeout=PATIENT)
    assert ours.json()["error"]["param"] is None


def test_a_dialect_that_the_provider_does_not_speak_is_refused(
    open_gateway: Open, provider: Provider, meter: MemoryMeter
) -> None:
    only = replace(provider, endpoints={"anthropic-messages": provider.endpoints["anthropic-messages"]})
    gateway = open_gateway("small", provider=only)
    answer = post(f"{gateway.url}/v1/chat/completions", json=ASK, headers=shown(gateway))
    assert answer.status_code == 400
    assert "does not speak openai-chat, it speaks: anthropic-messages" in answer.json()["error"]["message"]
    assert meter.calls == []


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(open_gateway: Open, body: bytes) -> None:
    gateway = open_gateway("small")
    answer = post(f"{gateway.url}/v1/messages", content=body, headers=shown(gateway))
    assert answer.status_code == 400


def test_the_same_gateway_serves_a_unix_socket_and_removes_it(open_gateway: Open, tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    gateway = open_gateway("small", socket_path=path)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=PATIENT) as client:
        answer = client.post("http://gateway/v1/messages", json=ASK, headers=shown(gateway))
    assert answer.status_code == 200
    assert post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway)).status_code == 200
    gateway.stop()
    assert not path.exists()


def test_a_socket_that_cannot_be_made_is_told_with_its_path_and_leaves_the_loopback(
    open_gateway: Open, tmp_path: Path
) -> None:
    path = tmp_path / ("x" * 120)
    before = len(psutil.Process().net_connections("tcp"))
    with pytest.raises(ConfigError, match=f"the socket {path} .*too long.*TMPDIR"):
        open_gateway("small", socket_path=path)
    assert len(psutil.Process().net_connections("tcp")) <= before


def test_it_starts_in_a_forked_process_as_airflow_runs_tasks(open_gateway: Open) -> None:
    open_gateway("small")  # the parent has one too: nothing of it may leak into the child's
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            gateway = open_gateway("small")
            answer = post(f"{gateway.url}/v1/messages", json=ASK, headers=shown(gateway))
            gateway.stop()
            os.write(write, str(answer.status_code).encode())
        finally:
            os._exit(0)
    os.close(write)
    try:
        assert os.read(read, 100) == b"200"
    finally:
        os.close(read)
        os.waitpid(child, 0)


def test_it_leaves_no_thread_behind_and_stops_twice(open_gateway: Open) -> None:
    gateway = open_gateway("small")
    anthropic_client(gateway).messages.create(**ASK)
    gateway.stop()
    gateway.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "bridle-gateway"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{gateway.url}/api/hello", timeout=PATIENT)
