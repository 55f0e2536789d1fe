"""Who serves a model: addresses, dialects, and the key, from roles.yaml and an Airflow connection.

Connections are of type `bridle_model` (see `bridle.gateway.connection`); those of type `pydanticai` are
understood too. A role's model `anthropic:claude-haiku-4-5` looks for the connection `bridle_anthropic` unless
the role, or the section `providers:` of roles.yaml, names one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridle.agents.base import Dialect
from bridle.config.address import REMEDY, has_credential
from bridle.config.providers import KEYLESS, KNOWN, UNSAID, ModelPrice, ProviderSettings
from bridle.errors import ConfigError, CredentialError

_NEVER_OURS = frozenset({"host", "authorization", "x-api-key", "content-length", "transfer-encoding"})


class _Extra(BaseModel):
    """The `extra` of a `bridle_model` connection."""

    model_config = ConfigDict(extra="forbid")

    dialects: tuple[Dialect, ...] = ()
    """What the endpoint speaks; default: what the provider is known for, else `openai-chat`."""
    base_urls: dict[Dialect, str] = Field(default_factory=dict)
    """Where each dialect is, when they are not all at the host."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every request; for instance a router's attribution."""
    prices: dict[str, ModelPrice] = Field(default_factory=dict)
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
    prices: Mapping[str, ModelPrice] = field(default_factory=dict)
    """Prices that roles.yaml or the connection gives, by model name or `*`."""
    session_headers: bool = False
    concurrency: int | None = None
    """Calls under way at once, on this host; None: no limit."""

    def request_headers(self, dialect: Dialect) -> dict[str, str]:
        """What is added to a request: the key, and the connection's own headers."""
        credentials = {}
        if self.key and dialect == "anthropic-messages":
            credentials["x-api-key"] = self.key
        # Anthropic itself takes a bearer for another kind of credential; everyone else takes the key so
        if self.key and self.name != "anthropic":
            credentials["authorization"] = f"Bearer {self.key}"
        return {**self.headers, **credentials}


def resolve(
    model: str, connection: str | None = None, settings: ProviderSettings = UNSAID
) -> tuple[Provider, str]:
    """The provider and the model's name of a role's `provider:model`, with the key from Airflow.

    Args:
        model: for instance `openrouter:moonshotai/kimi-k2.6`.
        connection: Airflow connection id; None: the settings', else `bridle_<provider>`.
        settings: what roles.yaml says about the provider.

    Raises:
        CredentialError: the connection is missing, or has no key where one is needed.
        ConfigError: the model or the connection is not understood.
    """
    from airflow.sdk import BaseHook, Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    name, model_name = split(model)
    named = connection or settings.connection
    conn_id = named or f"bridle_{name}"
    try:
        found = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        if named or not (name in KEYLESS or settings.base_url):
            raise CredentialError(
                f"model {model}: there is no Airflow connection {conn_id!r}; make one of type bridle_model "
                f"with the API key as its password, or set AIRFLOW_CONN_{conn_id.upper()}"
            ) from error
        found = Connection(conn_id=conn_id, conn_type="bridle_model")
    return from_connection(found, name, settings), model_name


def split(model: str) -> tuple[str, str]:
    """Provider and name of a `provider:model`.

    Raises:
        ConfigError: it is none.
    """
    name, _, model_name = model.partition(":")
    if not name or not model_name:
        raise ConfigError(f"model {model!r}: write it as provider:model, e.g. anthropic:claude-haiku-4-5")
    return name, model_name


def from_connection(connection: Any, name: str, settings: ProviderSettings = UNSAID) -> Provider:
    """The provider called `name` behind an Airflow connection; what `settings` say goes before what it says.

    Raises:
        CredentialError: it has no key, and its endpoint is one that wants one.
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
        # what was given is not told: headers may carry a key
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"connection {conn_id}: its extra is not understood: {wrong}") from None
    bases = _bases(name, connection, extra, settings)
    if any(map(has_credential, bases.values())):
        raise ConfigError(f"connection {conn_id}: its address {REMEDY}")
    if not connection.password and _usual(bases, name) and name not in KEYLESS:
        raise CredentialError(f"connection {conn_id} has no API key; put it into the password field")
    return Provider(
        name=name,
        endpoints={dialect: endpoint(dialect, base) for dialect, base in bases.items()},
        key=connection.password or "",
        connection=conn_id,
        headers={k: v for k, v in extra.headers.items() if k.lower() not in _NEVER_OURS},
        prices={**extra.prices, **settings.prices},
        session_headers=extra.session_headers,
        concurrency=settings.concurrency,
    )


def _bases(name: str, connection: Any, extra: _Extra, settings: ProviderSettings) -> Mapping[Dialect, str]:
    """Where each dialect is served: by roles.yaml, else by the connection, else as the provider is known."""
    usual = KNOWN.get(name, {})
    wanted = settings.dialects or extra.dialects
    place = settings.base_url or extra.base_urls or _address(connection)
    if isinstance(place, str) and place:
        return dict.fromkeys(wanted or tuple(usual) or ("openai-chat",), place)
    bases = place if isinstance(place, dict) and place else usual
    if not bases:
        raise ConfigError(
            f"connection {connection.conn_id}: provider {name!r} is not one that is known "
            f"({', '.join(KNOWN)}); put its base URL into the host field, and its dialects into extra"
        )
    missing = [dialect for dialect in wanted if dialect not in bases]
    if missing:
        raise ConfigError(
            f"connection {connection.conn_id}: nothing says where {name} speaks {', '.join(missing)}; give "
            "`base_url` in roles.yaml, or the host of the connection"
        )
    return {dialect: base for dialect, base in bases.items() if not wanted or dialect in wanted}


def _usual(bases: Mapping[Dialect, str], name: str) -> bool:
    """Whether these are places of a known provider, all of them or some."""
    return bases.items() <= KNOWN.get(name, {}).items()


def _address(connection: Any) -> str:
    host = (connection.host or "").rstrip("/")
    if host and "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    return f"{host}:{connection.port}" if host and connection.port else host


def endpoint(dialect: Dialect, base: str) -> str:
    """The URL that calls go to, for a base URL with or without `/v1`."""
    base = base.rstrip("/")
    if dialect == "anthropic-messages":
        return f"{base.removesuffix('/v1')}/v1/messages"
    path = "/chat/completions" if dialect == "openai-chat" else "/responses"
    # scheme://host has two slashes; a base with a path of its own is taken as it is
    return f"{base}{path}" if base.count("/") > 2 else f"{base}/v1{path}"
