"""From a role to the model that answers: provider, key, dialect."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridle import agents
from bridle.agents.base import Dialect
from bridle.config.roles import Role
from bridle.errors import ConfigError
from bridle.gateway.pricing import require_price
from bridle.gateway.upstream import Place, Upstream
from bridle.harness.step import Step


@dataclass(frozen=True)
class Route:
    """How a session reaches its models."""

    upstreams: tuple[Upstream, ...]
    """Where calls go: the role's own model first, then its fallback."""
    dialect: Dialect
    """What the agent speaks with all of them."""


def route_for(step: Step, role: Role, place: Place, *, priced: bool) -> Route:
    """The way from a role's agent to its models.

    Args:
        step: knows who answers models; the providers' keys become known to its redactor.
        role: names agent, provider, model and connection.
        place: which session asks, for scripts.
        priced: whether a limit in dollars has to be kept.

    Raises:
        CredentialError: a connection is missing or has no key.
        ConfigError: a model is not understood, speaks another dialect, or has no known price although one is
            needed.
    """
    upstreams = _upstreams(step, role, place)
    for upstream in upstreams:
        if upstream.provider.key:
            step.ledger.redactor.add(upstream.provider.key)
        if priced:
            require_price(upstream.provider, upstream.model)
    return Route(upstreams, dialect_for(role, upstreams))


def _upstreams(step: Step, role: Role, place: Place) -> tuple[Upstream, ...]:
    settings = step.settings
    models = [(model, step.provider(model.partition(":")[0])) for model in (role.model, *role.fallback)]
    match settings.answered_by:
        case "live":
            own = {role.provider: role.connection}
            return tuple(
                Upstream.live(model, own.get(model.partition(":")[0]), place, said) for model, said in models
            )
        case "script":
            journal = settings.home / "script.journal.jsonl"
            played = Upstream.scripted(role.model, settings.required_script, place, journal=journal)
        case "replay":
            played = Upstream.replayed(role.model)
    return tuple(played.imitating(model, said) for model, said in models)


def dialect_for(role: Role, upstreams: Sequence[Upstream]) -> Dialect:
    """The wire dialect between this role's agent and all of its providers.

    Raises:
        ConfigError: they have none in common.
    """
    wanted = agents.get(role.agent).supports.dialects
    spoken = {upstream.provider.name: upstream.dialects for upstream in upstreams}
    for dialect in wanted:
        if all(dialect in dialects for dialects in spoken.values()):
            return dialect
    each = "; ".join(f"{name} speaks {', '.join(sorted(dialects))}" for name, dialects in spoken.items())
    raise ConfigError(
        f"agent {role.agent!r} needs {' or '.join(wanted)}, in one dialect for its model and all of its "
        f"fallback: {each}; choose another agent or other models in roles.yaml"
    )
