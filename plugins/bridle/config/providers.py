"""Providers: those that are known by name, and the section `providers:` of roles.yaml about them."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bridle.agents.base import Dialect
from bridle.config.address import REMEDY, has_credential

_MESSAGES: Dialect = "anthropic-messages"
_CHAT: Dialect = "openai-chat"
_RESPONSES: Dialect = "openai-responses"

KNOWN: Mapping[str, Mapping[Dialect, str]] = {
    "anthropic": {_MESSAGES: "https://api.anthropic.com"},
    "openai": {_CHAT: "https://api.openai.com/v1", _RESPONSES: "https://api.openai.com/v1"},
    "openrouter": {
        _CHAT: "https://openrouter.ai/api/v1",
        _MESSAGES: "https://openrouter.ai/api",
        _RESPONSES: "https://openrouter.ai/api/v1",
    },
    "moonshot": {
        _CHAT: "https://api.moonshot.ai/v1",
        _MESSAGES: "https://api.moonshot.ai/anthropic",
    },
    "ollama": dict.fromkeys((_CHAT, _MESSAGES, _RESPONSES), "http://127.0.0.1:11434"),
    "vllm": dict.fromkeys((_CHAT, _MESSAGES, _RESPONSES), "http://127.0.0.1:8000"),
    "litellm": dict.fromkeys((_CHAT, _MESSAGES, _RESPONSES), "http://127.0.0.1:4000"),
}
"""Provider to base URL, for each dialect that it speaks."""

KEYLESS = frozenset({"ollama", "vllm", "litellm"})
"""Providers that usually run without a key: they need no connection either."""

_ALIASES = frozenset({"default", "best", "sonnet", "opus", "haiku", "fable", "mythos", "opusplan"})


class ModelPrice(BaseModel):
    """US dollars for a million tokens (`mtok`), as a user writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_mtok: Decimal = Field(ge=0)
    output_mtok: Decimal = Field(ge=0)
    cache_read_mtok: Decimal | None = Field(default=None, ge=0)
    """None: as `input_mtok`."""
    cache_write_mtok: Decimal | None = Field(default=None, ge=0)
    """None: as `input_mtok`."""


class ProviderSettings(BaseModel):
    """What roles.yaml says about one provider; what it leaves out comes from the connection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str | None = None
    """Airflow connection with the key; default `bridle_<provider>`. A role may name another one."""
    base_url: str | dict[Dialect, str] | None = None
    """Where it is, when that is not its usual place: one address, or one for each dialect."""
    dialects: tuple[Dialect, ...] = ()
    """What it speaks; default: what it is known for, else `openai-chat`."""
    concurrency: int | None = Field(default=None, ge=1)
    """Calls under way at once, on each host; also the size of its Airflow pool. None: no limit."""
    prices: dict[str, ModelPrice] = Field(default_factory=dict)
    """Model name, or `*`, to its price: goes before the connection's and the price list's."""

    @field_validator("base_url")
    @classmethod
    def _no_credential(cls, given: str | dict[Dialect, str] | None) -> str | dict[Dialect, str] | None:
        if any(map(has_credential, given.values() if isinstance(given, dict) else [given or ""])):
            raise ValueError(REMEDY)
        return given


UNSAID = ProviderSettings()
"""Of a provider that roles.yaml says nothing about."""


def spoken(provider: str, settings: ProviderSettings = UNSAID) -> tuple[Dialect, ...]:
    """The dialects of a provider, as far as they are known without its connection; empty: not at all."""
    if settings.dialects:
        return settings.dialects
    if isinstance(settings.base_url, dict):
        return tuple(settings.base_url)
    return tuple(KNOWN.get(provider, ()))


def require_full_name(model: str) -> None:
    """Make sure that `provider:model` names one model, and not whatever a CLI takes an alias for today.

    Raises:
        ValueError: it is an alias.
    """
    provider, _, name = model.partition(":")
    if provider == "anthropic" and name.removesuffix("[1m]").lower() in _ALIASES:
        raise ValueError(
            f"{model!r} is an alias, which means another model tomorrow and has no price; write the model's "
            "full name, e.g. anthropic:claude-sonnet-4-5"
        )
