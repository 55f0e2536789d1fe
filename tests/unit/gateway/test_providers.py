"""Connections: what is understood, what is refused, and that a key never shows."""

import json
from decimal import Decimal
from typing import Any

import pytest

from bridle.config.providers import ModelPrice, ProviderSettings
from bridle.errors import ConfigError, CredentialError
from bridle.gateway.providers import endpoint, from_connection, resolve

PRICE = {"input_mtok": 1, "output_mtok": 4}


def connection(**fields: Any) -> Any:
    from airflow.sdk import Connection

    values = {"conn_id": "bridle_x", "conn_type": "bridle_model", "password": "sk-1", **fields}
    if isinstance(values.get("extra"), dict):
        values["extra"] = json.dumps(values["extra"])
    return Connection(**values)


def test_a_known_provider_needs_only_a_key() -> None:
    anthropic = from_connection(connection(), "anthropic")
    assert anthropic.endpoints == {"anthropic-messages": "https://api.anthropic.com/v1/messages"}
    assert anthropic.request_headers("anthropic-messages") == {"x-api-key": "sk-1"}
    router = from_connection(connection(), "openrouter")
    assert router.endpoints["openai-chat"] == "https://openrouter.ai/api/v1/chat/completions"
    assert router.endpoints["anthropic-messages"] == "https://openrouter.ai/api/v1/messages"
    assert router.request_headers("openai-chat") == {"authorization": "Bearer sk-1"}


def test_an_own_endpoint_says_where_it_is_and_what_it_speaks() -> None:
    extra = {"dialects": ["anthropic-messages"], "headers": {"x-team": "a", "Authorization": "no"}}
    own = from_connection(connection(host="http://127.0.0.1", port=8000, password=None, extra=extra), "mine")
    assert own.endpoints == {"anthropic-messages": "http://127.0.0.1:8000/v1/messages"}
    assert own.request_headers("anthropic-messages") == {"x-team": "a"}
    plain = from_connection(connection(host="models.example.com/v1"), "mine")
    assert plain.endpoints == {"openai-chat": "https://models.example.com/v1/chat/completions"}


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://x.example", "https://x.example/v1/chat/completions"),
        ("https://x.example/v1/", "https://x.example/v1/chat/completions"),
        ("https://x.example/paas/v4", "https://x.example/paas/v4/chat/completions"),
    ],
)
def test_a_base_url_may_have_its_version_or_not(base: str, url: str) -> None:
    assert endpoint("openai-chat", base) == url


def test_a_pydanticai_connection_is_understood() -> None:
    theirs = connection(conn_type="pydanticai", extra={"model": "anthropic:claude-haiku-4-5"})
    assert from_connection(theirs, "anthropic").key == "sk-1"


@pytest.mark.parametrize(
    ("fields", "name", "error", "said"),
    [
        ({"password": None}, "anthropic", CredentialError, "bridle_x has no API key"),
        (
            {"password": None, "extra": {"dialects": ["openai-chat"]}},
            "openrouter",
            CredentialError,
            "bridle_x has no API key",
        ),
        ({}, "mine", ConfigError, "put its base URL into the host field"),
        ({"conn_type": "http"}, "anthropic", ConfigError, "of type 'http'"),
        ({"conn_type": "pydanticai-bedrock"}, "anthropic", ConfigError, "pydanticai-bedrock"),
        ({"extra": {"dialect": "x"}}, "anthropic", ConfigError, "its extra is not understood"),
        (
            {"extra": {"prices": {"m": {"input_mtok": -1, "output_mtok": 1}}}},
            "anthropic",
            ConfigError,
            "extra",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_connections_name(
    fields: dict[str, Any], name: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        from_connection(connection(**fields), name)
    assert "bridle_x" in str(caught.value)


def test_a_key_never_shows() -> None:
    assert "sk-1" not in repr(from_connection(connection(), "anthropic"))


def test_a_model_finds_its_connection_by_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_MOONSHOT", '{"conn_type": "bridle_model", "password": "sk-2"}')
    provider, model = resolve("moonshot:kimi-k2.6")
    assert (provider.name, provider.key, model) == ("moonshot", "sk-2", "kimi-k2.6")


def test_a_missing_connection_is_named_with_what_to_do() -> None:
    with pytest.raises(
        CredentialError, match=r"no Airflow connection 'bridle_openai'.*AIRFLOW_CONN_BRIDLE_OPENAI"
    ):
        resolve("openai:gpt-5.5")
    with pytest.raises(ConfigError, match="write it as provider:model"):
        resolve("gpt-5.5")


def test_roles_yaml_goes_before_the_connection_and_the_connection_before_what_is_known() -> None:
    extra = {
        "base_urls": {"anthropic-messages": "https://cn.example/anthropic"},
        "prices": {"a": PRICE, "b": PRICE},
    }
    dear = ModelPrice(input_mtok=Decimal(9), output_mtok=Decimal(9))
    said = ProviderSettings(concurrency=5, prices={"a": dear})
    regional = from_connection(connection(extra=extra), "moonshot", said)
    assert regional.endpoints == {"anthropic-messages": "https://cn.example/anthropic/v1/messages"}
    assert (regional.prices["a"], regional.prices["b"].input_mtok) == (dear, 1)
    assert regional.concurrency == 5
    elsewhere = ProviderSettings(base_url="http://127.0.0.1:1/v1", dialects=("openai-chat",))
    assert from_connection(connection(extra=extra), "moonshot", elsewhere).endpoints == {
        "openai-chat": "http://127.0.0.1:1/v1/chat/completions"
    }


@pytest.mark.parametrize(
    ("model", "settings", "endpoint_of_chat"),
    [
        ("ollama:qwen3-coder", ProviderSettings(), "http://127.0.0.1:11434/v1/chat/completions"),
        (
            "mine:m",
            ProviderSettings(base_url="http://gpu.example:8000"),
            "http://gpu.example:8000/v1/chat/completions",
        ),
    ],
)
def test_a_provider_that_needs_no_key_needs_no_connection(
    model: str, settings: ProviderSettings, endpoint_of_chat: str
) -> None:
    provider, _ = resolve(model, settings=settings)
    assert provider.endpoints["openai-chat"] == endpoint_of_chat
    assert provider.request_headers("openai-chat") == {}


def test_a_connection_that_is_named_must_be_there_even_where_no_key_is_needed() -> None:
    with pytest.raises(CredentialError, match="no Airflow connection 'team_gpu'"):
        resolve("ollama:qwen3-coder", settings=ProviderSettings(connection="team_gpu"))


def test_a_dialect_without_an_address_is_an_error_that_says_where_to_put_one() -> None:
    with pytest.raises(ConfigError, match=r"nothing says where anthropic speaks openai-chat.*roles.yaml"):
        from_connection(connection(), "anthropic", ProviderSettings(dialects=("openai-chat",)))
