"""Who plays which part: roles.yaml."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bridle.agents.base import Limits
from bridle.config.document import load
from bridle.errors import ConfigError


def _provider_and_name(model: str) -> str:
    provider, _, name = model.partition(":")
    if not provider or not name:
        raise ValueError(
            f"{model!r} has no provider; write it as `provider:model`, e.g. anthropic:claude-haiku-4-5"
        )
    return model


Model = Annotated[str, AfterValidator(_provider_and_name)]
"""`provider:model`, for instance `anthropic:claude-haiku-4-5` or `openrouter:moonshotai/kimi-k2.6`."""


class Role(BaseModel):
    """One row of roles.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: str
    """Name of a runtime: `claude-code`, `api`, or one that a package adds."""
    model: Model
    """`provider:model`, for instance `anthropic:claude-haiku-4-5` or `openrouter:moonshotai/kimi-k2.6`."""
    fallback: tuple[Model, ...] = ()
    """Models to go on with when this one's provider is overloaded or away, tried in order before a session's
    first answer; all must speak one dialect."""
    connection: str | None = None
    """Airflow connection with the key; default `bridle_<provider>`."""
    effort: str | None = None
    """The model's effort setting, where it has one."""
    tools: tuple[str, ...] = ()
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


class Roles(BaseModel):
    """All of roles.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: dict[str, Role] = Field(min_length=1)

    @classmethod
    def read(cls, path: Path) -> "Roles":
        """Read roles.yaml.

        Raises:
            ConfigError: with file and line.
        """
        return load(path, cls)

    @model_validator(mode="after")
    def _escalations_end(self) -> "Roles":
        for name, role in self.roles.items():
            seen = [name]
            while role.escalate_to is not None:
                if role.escalate_to not in self.roles:
                    raise ValueError(
                        f"role {seen[-1]}: escalate_to names {role.escalate_to!r}, not a role here"
                    )
                if role.escalate_to in seen:
                    raise ValueError(f"role {name}: escalate_to leads in a circle: {', '.join(seen)}")
                seen.append(role.escalate_to)
                role = self.roles[role.escalate_to]
        return self

    def get(self, name: str) -> Role:
        """The role called `name`.

        Raises:
            ConfigError: there is none; the message lists those that exist.
        """
        try:
            return self.roles[name]
        except KeyError:
            known = ", ".join(sorted(self.roles))
            raise ConfigError(f"role {name!r} is not in roles.yaml; it has: {known}") from None
