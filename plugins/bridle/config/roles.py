"""Who plays which part: roles.yaml."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bridle import agents
from bridle.agents.base import Dialect, Limits
from bridle.config.budgets import Budgets
from bridle.config.document import Wrong, load
from bridle.config.providers import UNSAID, ProviderSettings, require_full_name, spoken
from bridle.config.settings import Settings
from bridle.errors import ConfigError


def _provider_and_name(model: str) -> str:
    provider, _, name = model.partition(":")
    if not provider or not name:
        raise ValueError(
            f"{model!r} has no provider; write it as `provider:model`, e.g. anthropic:claude-haiku-4-5"
        )
    require_full_name(model)
    return model


Model = Annotated[str, AfterValidator(_provider_and_name)]
"""`provider:model`, for instance `anthropic:claude-haiku-4-5` or `openrouter:moonshotai/kimi-k2.6`."""


Tool = Literal["read", "search", "edit", "write", "shell"]


class Role(BaseModel):
    """One row of roles.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: str
    """Name of a runtime: `claude-code`, `codex`, `api`, or one that a package adds."""
    model: Model
    """`provider:model`, for instance `anthropic:claude-haiku-4-5` or `openrouter:moonshotai/kimi-k2.6`."""
    fallback: tuple[Model, ...] = ()
    """Models to go on with when this one's provider is overloaded or away, tried in order before a session's
    first answer; all must speak one dialect."""
    connection: str | None = None
    """Airflow connection with the key of `model`; default `bridle_<provider>`."""
    effort: str | None = None
    """The model's effort setting, where it has one."""
    reasoning_summary: bool = False
    """Have `codex` ask for a summary of what the model thought; OpenAI refuses every call that asks, unless
    it has verified the organization. The other agents ask by themselves for what can be seen."""
    tools: tuple[Tool, ...] = ()
    """Out of read, search, edit, write, shell; empty: what the step's access level allows."""
    limits: Limits = Limits()
    """Per session."""
    pool: str | None = None
    """Airflow pool that the role's tasks run in, unless the task names another; None: the default pool."""
    escalate_to: str | None = None
    """Role that is asked when this one is not sure enough, see `LLMClassifyOperator`."""

    @property
    def provider(self) -> str:
        """The part of `model` before the colon."""
        return self.model.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The part of `model` after the colon."""
        return self.model.partition(":")[2]

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider that its sessions may call, its own first."""
        every = (self.model, *self.fallback)
        return tuple(dict.fromkeys(model.partition(":")[0] for model in every))


class Roles(BaseModel):
    """All of roles.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: dict[str, Role] = Field(min_length=1)
    budgets: Budgets = Budgets()
    """What may be spent in a day, a run, a step and a loop."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    """Where providers are, how many calls they allow at once, what private models cost."""
    pools: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Airflow pool to its number of slots: made, and kept at that number, by `bridle migrate`."""

    @classmethod
    def read(cls, path: Path) -> "Roles":
        """Read roles.yaml.

        Raises:
            ConfigError: with file and line.
        """
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from error
        return _read(path, changed)

    @model_validator(mode="after")
    def _one_dialect_each(self) -> "Roles":
        for name, role in self.roles.items():
            try:
                self.check(role)
            except Wrong as error:
                raise Wrong(str(error), "roles", name, *error.within) from error
        return self

    @model_validator(mode="after")
    def _escalations_end(self) -> "Roles":
        for name in self.roles:
            seen = [name]
            while (stronger := self.roles[seen[-1]].escalate_to) is not None:
                if stronger not in self.roles:
                    raise Wrong(f"{stronger!r} is no role in this file", "roles", seen[-1], "escalate_to")
                if stronger in seen:
                    circle = " to ".join((*seen, stronger))
                    raise Wrong(f"it goes round in a circle, {circle}", "roles", name, "escalate_to")
                seen.append(stronger)
        return self

    def get(self, name: str, changes: "RoleChanges | None" = None) -> Role:
        """The role called `name`, with what an operator changes of it.

        Raises:
            ConfigError: there is none; the message lists those that exist. Or the changes do not fit it.
        """
        if name not in self.roles:
            known = ", ".join(sorted(self.roles))
            raise ConfigError(
                f"role {name!r} is not in roles.yaml; it has: {known}. Add it there, or name one of them"
            )
        role = self.roles[name]
        if changes is None:
            return role
        try:
            changed = changes.of(role)
            self.check(changed)
        except ValueError as error:
            raise ConfigError(f"role {name!r} with the arguments of its operator: {_said(error)}") from error
        return changed

    def check(self, role: Role) -> None:
        """Make sure that the role's agent exists, and can do what it is asked to.

        Raises:
            Wrong: it does not, or cannot.
        """
        try:
            agents.find(role.agent)
        except ConfigError as error:
            raise Wrong(str(error), "agent") from error
        if role.agent in agents.AGENTS:  # another package's is asked when somebody plays the role
            supports = agents.get(role.agent).supports
            for field, wanted in (("effort", {"effort": role.effort}), ("tools", {"tools": role.tools})):
                if lacking := supports.lacks(**wanted):
                    raise Wrong(f"agent {role.agent!r} {lacking}", field)
        self.dialects_of(role)

    def dialects_of(self, role: Role) -> frozenset[Dialect]:
        """The dialects in which the role's agent can reach all its providers, as far as this file says.

        Raises:
            Wrong: there is none.
        """
        ours = role.agent in agents.AGENTS
        agent = frozenset(agents.get(role.agent).supports.dialects) if ours else _EVERY
        providers = role.providers
        known = [set(spoken(name, self.providers.get(name, UNSAID)) or _EVERY) for name in providers]
        if not agent & known[0]:
            raise Wrong(
                f"agent {role.agent!r} speaks {_or(agent)}, provider {providers[0]!r} only {_or(known[0])}; "
                "choose another agent or model",
                "model",
            )
        if not (common := agent.intersection(*known)):
            raise Wrong(
                f"no dialect of agent {role.agent!r} is understood by all of {', '.join(providers)}, and a "
                "session cannot change its dialect on the way; leave out those that speak another",
                "fallback",
            )
        return common

    def all_pools(self) -> dict[str, int]:
        """Pools that ought to exist in Airflow, and their slots: `bridle_<provider>` has its concurrency."""
        limited = {name: it.concurrency for name, it in self.providers.items() if it.concurrency}
        return {f"bridle_{name}": slots for name, slots in limited.items()} | self.pools


def roles_file(settings: Settings, *, beside: Path | None = None) -> Path:
    """The roles.yaml in force: where the setting says, else in the include directory.

    Raises:
        ConfigError: there is none.
    """
    return settings.roles_file or settings.include("roles.yaml", beside=beside)


def roles_in_force(settings: Settings, *, beside: Path | None = None) -> Roles:
    """Who plays which part.

    Raises:
        ConfigError: there is no roles.yaml, or it is malformed.
    """
    return Roles.read(roles_file(settings, beside=beside))


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> Roles:
    """Every operator of a DAG file asks for its role; the file is parsed once."""
    return load(path, Roles)


@dataclass(frozen=True)
class RoleChanges:
    """What the arguments of an operator change of its role; None: as in roles.yaml."""

    agent: str | None = None
    model: str | None = None
    fallback: Sequence[str] | None = None
    effort: str | None = None
    tools: Sequence[Tool] | None = None
    limits: Limits | None = None
    """Only the limits that it names are changed."""

    def of(self, role: Role) -> Role:
        """`role` with these changes.

        Raises:
            ValidationError: a value does not fit.
        """
        changes: dict[str, Any] = {
            name: value for name, value in vars(self).items() if value is not None and name != "limits"
        }
        if self.limits is not None:
            changes["limits"] = role.limits.model_copy(
                update={name: getattr(self.limits, name) for name in self.limits.model_fields_set}
            )
        if self.model is not None and not self.model.startswith(f"{role.provider}:"):
            changes["connection"] = None  # it has the key of another provider
        return Role.model_validate({**dict(role), **changes})


def _said(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())


def _or(dialects: Iterable[str]) -> str:
    return " or ".join(sorted(dialects))


_EVERY: frozenset[Dialect] = frozenset(get_args(Dialect))
