"""From a role to the model that answers: provider, key, dialect."""

from typing import get_args

from bridle import agents
from bridle.agents.base import Dialect
from bridle.config.providers import KNOWN
from bridle.config.roles import Role
from bridle.errors import ConfigError
from bridle.gateway.pricing import require_price
from bridle.gateway.upstream import Place, Upstream
from bridle.harness.step import Step


def upstream_for(step: Step, role: Role, place: Place, *, priced: bool) -> Upstream:
    """Where this role's calls go.

    Args:
        step: knows whether models are live or scripted; the provider's key becomes known to its redactor.
        role: names provider, model and connection.
        place: which session asks, for scripts.
        priced: whether a limit in dollars has to be kept.

    Raises:
        CredentialError: the connection is missing or has no key.
        ConfigError: the model is not understood, or has no known price although one is needed.
    """
    settings = step.settings
    if settings.gateway_mode == "script":
        script = settings.required_script
        return Upstream.scripted(role.model, script, place, journal=settings.home / "script.journal.jsonl")
    upstream = Upstream.live(role.model, role.connection, place)
    if upstream.provider.key:
        step.ledger.redactor.add(upstream.provider.key)
    if priced:
        require_price(upstream.provider, upstream.model)
    return upstream


def dialect_for(role: Role, upstream: Upstream) -> Dialect:
    """The wire dialect between this role's agent and its provider.

    Raises:
        ConfigError: they have none in common.
    """
    wanted = agents.get(role.agent).supports.dialects
    # a scripted model imitates the provider
    spoken = set(upstream.provider.endpoints or KNOWN.get(role.provider) or get_args(Dialect))
    for dialect in wanted:
        if dialect in spoken:
            return dialect
    raise ConfigError(
        f"agent {role.agent!r} needs {' or '.join(wanted)}, but provider {role.provider!r} speaks "
        f"{', '.join(sorted(spoken))}; choose another agent or model in roles.yaml"
    )
