"""Where a session's calls go: a live provider, or a script."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from starlette.types import ASGIApp

from bridle.agents.base import Dialect
from bridle.config.providers import KNOWN, UNSAID, ProviderSettings
from bridle.gateway.providers import Provider, resolve, split
from bridle.gateway.script import Script, ScriptedModel
from bridle.gateway.script.model import SCRIPT_HEADER, WORKDIR_HEADER
from bridle.gateway.wire import PATHS


@dataclass(frozen=True)
class Timeouts:
    """How long a provider may keep a session waiting, in seconds."""

    connect: float = 10
    first_byte: float = 240
    """From the request to the answer's beginning; below the default idle limit of a session."""
    idle: float = 120
    """Between two bytes of an answer."""


@dataclass(frozen=True)
class Place:
    """Which session of the workflow asks; only scripted models are told."""

    task: str
    round: int = 1
    workdir: Path | None = None
    repository: str | None = None

    def headers(self) -> dict[str, str]:
        """As a scripted model wants to be told."""
        workdir = {WORKDIR_HEADER: quote(str(self.workdir))} if self.workdir else {}
        where = f"@{self.repository}" if self.repository else ""
        return {SCRIPT_HEADER: quote(f"{self.task}{where}/{self.round}"), **workdir}


@dataclass(frozen=True)
class Upstream:
    """The far side of a gateway."""

    provider: Provider
    model: str
    """The session's model, by the provider's name for it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request, beside the provider's own."""
    app: ASGIApp | None = None
    """A scripted model, which the gateway then serves and calls over HTTP like any other provider."""
    timeouts: Timeouts = Timeouts()
    also: frozenset[str] = frozenset()
    """Further models that the session may ask for; those it may not are refused."""

    imitates: bool = False
    """It stands in for the provider that it is called after."""

    @property
    def dialects(self) -> frozenset[Dialect]:
        """What it speaks."""
        if self.imitates:
            return frozenset(KNOWN.get(self.provider.name) or get_args(Dialect))
        return frozenset(self.provider.endpoints)

    @property
    def models(self) -> frozenset[str]:
        """What requests may name; Claude Code keeps the mark for a long context to itself."""
        return self.also | {self.model.removesuffix("[1m]")}

    @classmethod
    def live(
        cls, model: str, connection: str | None, place: Place, settings: ProviderSettings = UNSAID
    ) -> "Upstream":
        """A real provider, with its key from Airflow.

        Args:
            model: `provider:model`, as in roles.yaml.
            connection: Airflow connection id; None: `bridle_<provider>`.
            place: told to the provider only when its connection sets `session_headers`.
            settings: what roles.yaml says about the provider.

        Raises:
            CredentialError: no connection, or no key in it.
            ConfigError: the model or the connection is not understood.
        """
        provider, name = resolve(model, connection, settings)
        return cls(provider, name, headers=place.headers() if provider.session_headers else {})

    @classmethod
    def scripted(cls, model: str, script: Path, place: Place, *, journal: Path | None = None) -> "Upstream":
        """A script instead of the provider: no key, no network, and the real model's prices.

        Args:
            model: `provider:model`, as in roles.yaml.
            script: the script file.
            place: which part of the script this session plays.
            journal: where the scripted model keeps its own count, appended to.

        Raises:
            ConfigError: the script is not understood.
        """
        app = ScriptedModel(Script.read(script), journal=journal)
        return cls(Provider("", {}, key=""), "", headers=place.headers(), app=app).imitating(model)

    @classmethod
    def replayed(cls, model: str) -> "Upstream":
        """A recording in the provider's place: it is asked nowhere, and costs what the real model would."""
        return cls(Provider("", {}, key=""), "").at("http://replay.invalid").imitating(model)

    def imitating(self, model: str, settings: ProviderSettings = UNSAID) -> "Upstream":
        """The same, in the place of another model: with its name, prices and calls at once.

        Args:
            model: `provider:model`, as in roles.yaml.
            settings: what roles.yaml says about the provider.

        Raises:
            ConfigError: the model is not understood.
        """
        name, model_name = split(model)
        provider = replace(
            self.provider,
            name=name,
            connection=f"bridle_{name}",
            prices=settings.prices,
            concurrency=settings.concurrency,
        )
        return replace(self, provider=provider, model=model_name, imitates=True)

    def working_in(self, tree: Path) -> "Upstream":
        """The same, telling a scripted model where the session's files are."""
        told = {WORKDIR_HEADER: quote(str(tree))} if SCRIPT_HEADER in self.headers else {}
        return replace(self, headers={**self.headers, **told})

    def at(self, address: str) -> "Upstream":
        """The same, with every dialect served at `address`: where the gateway put `app`."""
        endpoints = {dialect: f"{address}{path}" for path, dialect in PATHS.items()}
        return replace(self, provider=replace(self.provider, endpoints=endpoints))
