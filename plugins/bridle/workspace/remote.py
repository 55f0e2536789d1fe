"""Where a repository's commits come from and go to."""

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridle.config.address import REMEDY, has_credential
from bridle.config.repositories import Repository
from bridle.errors import ConfigError, CredentialError, ForgeDown, RepositoryError
from bridle.workspace.git import Finished
from bridle.workspace.room import no_room, out_of_room, telling

_REFUSED = re.compile(
    r"Authentication failed|could not read (Username|Password)|terminal prompts disabled|"
    r"returned error: 40[13]|Permission denied|access denied|Permission to .* denied",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"Could not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset)|timed out|"
    r"returned error: (5\d\d|429)|early EOF|hung up unexpectedly|Operation too slow|SSL_ERROR_SYSCALL",
    re.IGNORECASE,
)

_UNKNOWN = re.compile(r"does not appear to be a git repository|repository .* not found", re.IGNORECASE)


@dataclass(frozen=True)
class Remote:
    """A git remote, and the token for it."""

    url: str
    """What git understands: `https://…`, `file://…`, a path, `git@host:…`; without credentials."""
    token: str | None = field(default=None, repr=False)
    """Sent as a header to the url's host and to no other; http and https only."""
    connection: str = ""
    """Name of the Airflow connection the token came from, for messages."""

    def __post_init__(self) -> None:
        if has_credential(self.url):
            raise RepositoryError(f"the url of a repository {REMEDY}")
        if self.url.startswith("-"):
            raise RepositoryError(f"{self.url!r} is no url of a git repository")

    @classmethod
    def of(cls, repository: Repository) -> "Remote":
        """The remote that repositories.yaml names, without credentials.

        Raises:
            RepositoryError: it names none.
        """
        if repository.url is None:
            raise RepositoryError(f"repository {repository.name}: no `url` in repositories.yaml")
        return cls(url=repository.url, connection=repository.connection)

    @property
    def settings(self) -> dict[str, str]:
        """Git configuration that carries the token; travels in the environment of one process."""
        parts = urlsplit(self.url)
        if self.token is None or parts.scheme not in {"http", "https"}:
            return {}
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {f"http.{parts.scheme}://{parts.netloc}/.extraHeader": f"Authorization: Basic {basic}"}

    def failure(
        self, done: Finished, doing: str
    ) -> ConfigError | CredentialError | ForgeDown | RepositoryError:
        """The error that says what a failed fetch or push of this remote means."""
        said = done.errors or f"git ended with {done.exit_code}"
        if no_room(said):
            return out_of_room(f"{doing} {self.url}: {telling(said)}")
        if _REFUSED.search(said):
            connection = f"connection {self.connection!r}" if self.connection else "the credentials"
            return CredentialError(f"{doing} {self.url} was refused; check {connection}: {said}")
        if _AWAY.search(said):
            return ForgeDown(f"{doing} {self.url} got no answer: {said}")
        if _UNKNOWN.search(said):
            return RepositoryError(
                f"{doing} {self.url} failed, there is no such repository: correct its `url` in "
                f"repositories.yaml, or make it: {said}"
            )
        return RepositoryError(f"{doing} {self.url} failed: {said}")
