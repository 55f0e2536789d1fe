"""Who serves a model: addresses, dialects, and the key, from an Airflow connection.

Connections are of type `bridle_model` (see `bridle.gateway.connection`); those of type `pydanticai` are
understood too. A role's model `anthropic:claude-haiku-4-5` looks for the connection `bridle_anthropic` unless
it names one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridle.agents.base import Dialect
from bridle.errors import ConfigError, CredentialError
from bridle.gateway.pricing import ListPrice

_BASES: dict[str, dict[Dialect, str]] = {
    "anthropic": {"anthropic-messages": "https://api.anthropic.com"},
    "openai": {"openai-chat": "https://api.openai.com/v1"},
    "openrouter": {
        "openai-chat": "https://openrouter.ai/api/v1",
        "anthropic-messages": "https://openrouter.ai/api",
    },
    "moonshot": {
        "openai-chat": "https://api.moonshot.ai/v1",
        "anthropic-messages": "https://api.moonshot.ai/anthropic",
    },
}
"""Provider to base URL, written as each dialect's own SDK wants it."""

_NEVER_OURS = frozenset({"host", "authorization", "x-api-key", "content-length", "transfer-encoding"})


class _Extra(BaseModel):
    """The `extra` of a `bridle_model` connection."""

    model_config = ConfigDict(extra="forbid")

    dialects: tuple[Dialect, ...] = ()
    """What the endpoint speaks; default: what the provider is known for, else `openai-chat`."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every request; for instance a router's attribution."""
    price: dict[str, ListPrice] = Field(default_factory=dict)
    """Model name, or `*`, to its price: for models that the price list does not know."""
    session_headers: bool = False
    """Tell the endpoint which session asks; only scripted models want to know."""


@dataclass(frozen=True)
class Provider:
    """One provider, ready to be called."""

    name: str
    """As in roles.yaml."""
    endpoints: Mapping[Dialect, str]
    """Full URL for each dialect that it speaks."""
    key: str = field(repr=False)
    connection: str = ""
    """Airflow connection that the key came from; for messages."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    prices: Mapping[str, ListPrice] = field(default_factory=dict)
    """Prices that the connection gives, by model name or `*`."""
    session_headers: bool = False

    def request_headers(self, dialect: Dialect) -> dict[str, str]:
        """What is added to a request: the key, and the connection's own headers."""
        credentials = {}
        if self.key and dialect == "anthropic-messages":
            credentials["x-api-key"] = self.key
        # Anthropic itself takes a bearer for another kind of credential; everyone else takes the key so
        if self.key and self.name != "anthropic":
            credentials["authorization"] = f"Bearer {self.key}"
        return {**self.headers, **credentials}


def resolve(model: str, connection: str | None = None) -> tuple[Provider, str]:
    """The provider and the model's name of a role's `provider:model`, with the key from Airflow.

    Args:
        model: for instance `openrouter:moonshotai/kimi-k2.6`.
        connection: Airflow connection id; None: `bridle_<provider>`.

    Raises:
        CredentialError: the connection is missing, or has no key where one is needed.
        ConfigError: the model or the connection is not understood.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    name, _, model_name = model.partition(":")
    if not name or not model_name:
        raise ConfigError(f"model {model!r}: write it as provider:model, e.g. anthropic:claude-haiku-4-5")
    conn_id = connection or f"bridle_{name}"
    try:
        found = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise CredentialError(
            f"model {model}: there is no Airflow connection {conn_id!r}; make one of type bridle_model with "
            f"the API key as its password, or set AIRFLOW_CONN_{conn_id.upper()}"
        ) from error
    return from_connection(found, name), model_name


def from_connection(connection: Any, name: str) -> Provider:
    """The provider called `name` behind an Airflow connection.

    Raises:
        CredentialError: it has no key, and its endpoint is the provider's own.
        ConfigError: its type, address or extra is not understood.
    """
    conn_id = connection.conn_id
    if connection.conn_type not in ("bridle_model", "pydanticai"):
        raise ConfigError(
            f"connection {conn_id} is of type {connection.conn_type!r}; use bridle_model (or pydanticai)"
        )
    try:
        # a pydanticai connection's extra names a default model, which roles.yaml decides here
        given = connection.extra_dejson if connection.conn_type == "bridle_model" else {}
        extra = _Extra.model_validate({key: value for key, value in given.items() if value not in ("", None)})
    except ValidationError as error:
        raise ConfigError(f"connection {conn_id}: its extra is not understood: {error}") from error
    host = _address(connection)
    if not connection.password and not host:
        raise CredentialError(f"connection {conn_id} has no API key; put it into the password field")
    return Provider(
        name=name,
        endpoints=_endpoints(name, host, extra.dialects, conn_id),
        key=connection.password or "",
        connection=conn_id,
        headers={k: v for k, v in extra.headers.items() if k.lower() not in _NEVER_OURS},
        prices=extra.price,
        session_headers=extra.session_headers,
    )


def _address(connection: Any) -> str:
    host = (connection.host or "").rstrip("/")
    if host and "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    return f"{host}:{connection.port}" if host and connection.port else host


def _endpoints(name: str, host: str, wanted: tuple[Dialect, ...], conn_id: str) -> dict[Dialect, str]:
    bases = _BASES.get(name, {})
    if host:
        dialects = wanted or tuple(bases) or get_args(Dialect)[1:2]
        bases = dict.fromkeys(dialects, host)
    elif wanted:
        bases = {dialect: base for dialect, base in bases.items() if dialect in wanted}
    if not bases:
        raise ConfigError(
            f"connection {conn_id}: provider {name!r} is not one that is known ({', '.join(_BASES)}); "
            "put its base URL into the host field, and its dialects into extra"
        )
    return {dialect: endpoint(dialect, base) for dialect, base in bases.items()}


def endpoint(dialect: Dialect, base: str) -> str:
    """The URL that calls go to, for a base URL with or without `/v1`."""
    base = base.rstrip("/")
    if dialect == "anthropic-messages":
        return f"{base.removesuffix('/v1')}/v1/messages"
    path = "/chat/completions" if dialect == "openai-chat" else "/responses"
    # scheme://host has two slashes; a base with a path of its own is taken as it is
    return f"{base}{path}" if base.count("/") > 2 else f"{base}/v1{path}"
