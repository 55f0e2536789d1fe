"""Who plays which part: roles.yaml."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


class Role(BaseModel):
    """One row of roles.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: str
    """Name of a runtime: `claude-code`, `api`, or one that a package adds."""
    model: Annotated[str, AfterValidator(_provider_and_name)]
    """`provider:model`, for instance `anthropic:claude-haiku-4-5` or `openrouter:moonshotai/kimi-k2.6`."""
    connection: str | None = None
    """Airflow connection with the key; default `bridle_<provider>`."""
    effort: str | None = None
    """The model's effort setting, where it has one."""
    tools: tuple[str, ...] = ()
    """Out of read, search, edit, write, shell; empty: what the step's access level allows."""
    limits: Limits = Limits()
    """Per session."""

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
