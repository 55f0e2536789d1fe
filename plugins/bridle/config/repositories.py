"""The allow-list of repositories that agents may work on: repositories.yaml."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from bridle.config.address import REMEDY, has_credential
from bridle.config.document import load
from bridle.config.settings import Settings
from bridle.errors import RepositoryError

ACCEPTANCE = "acceptance"
"""Name of the check that a task of a spec brings itself."""

_SHELL = frozenset(";&|`$<>(){}\n\r\\!#~'\"*?[]")


class PatchLimits(BaseModel):
    """What a patch may be before it is published; see `bridle.guard.patch_policy`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_files: int = 60
    """Changed files."""
    max_lines: int = 2000
    """Added and deleted lines together."""
    max_bytes: int = 400_000
    """Of the patch text."""
    allow: tuple[str, ...] = ()
    """Globs of protected paths that agents may change in this repository all the same."""
    protect: tuple[str, ...] = ()
    """Globs protected in addition to the built-in list."""


class Watch(BaseModel):
    """Which issues of a repository are worked on by themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = "bridle"
    """Issues that carry it are worked on."""
    at_most: int = Field(default=5, ge=1, le=30)
    """Runs at a time; further issues wait."""
    failures: int = Field(default=2, ge=1)
    """Failed attempts in a row after which an issue is left to a human."""


class Repository(BaseModel):
    """One repository, and what may be done with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forge: Literal["github", "local"] = "github"
    url: str | None = None
    """Where git fetches and pushes, without a credential; default for GitHub: built from the connection's
    host and the name."""
    connection: str = "github_default"
    """Airflow connection of the forge."""
    issues: Path | None = None
    """Forge `local`: folder of the issue files; pull requests are written beside it."""
    base: str = "main"
    """Default base branch."""
    checks: dict[str, str] = Field(min_length=1)
    """Name to shell command, run in the clone's root; exit code 0 means the work is done."""
    check_minutes: float = 15.0
    """Wall clock of one check."""
    network: bool = False
    """Whether sessions and checks of this repository may reach the network when sandboxed."""
    env: dict[str, str] = Field(default_factory=dict)
    """Extra variables for tools and checks; never secrets."""
    authors: tuple[str, ...] = ()
    """Logins whose issues are worked on although they have no write access."""
    patch: PatchLimits = PatchLimits()
    specs: tuple[str, ...] = ()
    """Spec files in it that the spec routine works on every hour."""
    acceptance: tuple[str, ...] = ()
    """Commands that a task of a spec file may name as its check, in place of `checks`: globs like `pytest *`.
    A command with a shell's special characters must be listed as it is."""
    watch: Watch | None = None
    """Whose presence makes the watch look at its issues every five minutes."""

    _name: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        """The key in repositories.yaml; for GitHub `owner/name`."""
        return self._name

    @property
    def default_check(self) -> str:
        """Name of the first check in the file."""
        return next(iter(self.checks))

    def check_command(self, name: str) -> str:
        """The command of the check called `name`; an empty name means the default.

        Raises:
            RepositoryError: there is no such check; the message lists those that exist.
        """
        try:
            return self.checks[name or self.default_check]
        except KeyError:
            known = ", ".join(self.checks)
            raise RepositoryError(
                f"repository {self.name}: no check {name!r} in repositories.yaml; it has: {known}. "
                "Name one of them"
            ) from None

    def accepting(self, commands: Sequence[str]) -> "Repository | None":
        """This repository with `commands` as its check, one after the other; None unless all are allowed.

        They are text out of a spec file: only what `acceptance` has counts, and they run as checks do.
        """
        if not commands or not all(map(self._accepts, commands)):
            return None
        checks = {ACCEPTANCE: " && ".join(f"( {command} )" for command in commands)}
        return self.model_copy(update={"checks": {**checks, **self.checks}})

    def _accepts(self, command: str) -> bool:
        plain = not set(command) & _SHELL
        return any(command == glob or (plain and fnmatchcase(command, glob)) for glob in self.acceptance)

    @field_validator("url")
    @classmethod
    def _no_credential(cls, url: str | None) -> str | None:
        if url is not None and has_credential(url):
            raise ValueError(REMEDY)
        return url

    @model_validator(mode="after")
    def _local_needs_places(self) -> "Repository":
        if self.forge == "local" and (self.url is None or self.issues is None):
            raise ValueError("forge `local` needs `url` (a git remote) and `issues` (a folder)")
        return self


class Repositories(BaseModel):
    """All of repositories.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repositories: dict[str, Repository] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Repositories":
        """Read repositories.yaml.

        Raises:
            ConfigError: with file and line.
        """
        return load(path, cls)

    @model_validator(mode="after")
    def _names(self) -> "Repositories":
        for name, repository in self.repositories.items():
            if has_credential(name):
                raise ValueError(f"the name of a repository {REMEDY}")
            repository._name = name
        return self

    def get(self, name: str) -> Repository:
        """The repository called `name`.

        Raises:
            RepositoryError: it is not on the allow-list; the message lists those that are.
        """
        known = ", ".join(self.repositories) or "none yet"
        if has_credential(name):
            raise RepositoryError(
                f"the address of a repository {REMEDY}. Give the name of one in repositories.yaml: {known}"
            )
        try:
            return self.repositories[name]
        except KeyError:
            raise RepositoryError(
                f"repository {name!r} is not on the allow-list; repositories.yaml has: {known}. Add it there"
            ) from None


def repositories_in_force(settings: Settings, *, beside: Path | None = None) -> Repositories:
    """The allow-list: where the setting says, else in the include directory.

    Raises:
        ConfigError: there is none, or it is malformed.
    """
    return Repositories.read(
        settings.repositories_file or settings.include("repositories.yaml", beside=beside)
    )
