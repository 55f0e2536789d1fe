"""How to reach GitHub: a key, an address, and what its answers mean."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bridle.config.address import REMEDY, has_credential
from bridle.config.repositories import Repository
from bridle.errors import CredentialError, ForgeDown, InvalidInput, RepositoryError
from bridle.workspace.remote import Remote

if TYPE_CHECKING:
    from github import Github
    from github.Auth import Auth

GITHUB = "https://api.github.com"
TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Access:
    """One Airflow connection to GitHub.com or a GitHub Enterprise server."""

    auth: "Auth" = field(repr=False)
    base_url: str = GITHUB
    """Of the API; Enterprise: `https://host/api/v3`."""
    connection: str = "github_default"
    """Its name, for messages."""

    @classmethod
    def from_token(cls, token: str, base_url: str = GITHUB, connection: str = "github_default") -> "Access":
        """With a token instead of an Airflow connection."""
        from github.Auth import Token

        return cls(Token(token), base_url, connection)

    @classmethod
    def from_connection(cls, connection: str) -> "Access":
        """What Airflow's own hook makes of the connection: a token, or a GitHub App.

        Raises:
            CredentialError: the connection is missing or holds no key.
        """
        from airflow.providers.github.hooks.github import GithubHook
        from airflow.sdk.exceptions import AirflowException

        try:
            client = GithubHook(github_conn_id=connection).get_conn()
        except (AirflowException, ValueError, OSError) as error:
            raise CredentialError(
                f"Airflow connection {connection!r} cannot be used ({error}); make one of type `github` with "
                "the access token as its password"
            ) from error
        auth = client.requester.auth
        if auth is None:
            raise CredentialError(f"Airflow connection {connection!r} has no access token; set its password")
        if has_credential(client.requester.base_url):
            raise CredentialError(f"Airflow connection {connection!r}: its host {REMEDY}")
        return cls(auth, client.requester.base_url, connection)

    def client(self) -> "Github":
        """A PyGithub client that repeats reads for a moment, and writes never."""
        from github import Github
        from urllib3.util import Retry

        # PyGithub's own retries repeat POST, which doubles a comment whose answer got lost, and sleep for an
        # hour at a rate limit
        reads = Retry(
            total=3,
            backoff_factor=0.3,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=("GET",),
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        return Github(
            auth=self.auth,
            base_url=self.base_url,
            retry=reads,
            timeout=TIMEOUT_SECONDS,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def remote(self, repository: Repository) -> Remote:
        """Where git finds the repository: its `url`, else the place that belongs to the API's address."""
        url = repository.url
        if url is None:
            api = urlsplit(self.base_url)
            host = "github.com" if api.hostname == "api.github.com" else api.netloc
            url = f"{api.scheme}://{host}/{repository.name}.git"
        remote = Remote(url, connection=self.connection)
        if urlsplit(url).scheme not in {"http", "https"}:
            return remote
        with self.asking(f"a token for {repository.name}"):
            return Remote(url, token=self.auth.token, connection=self.connection)

    @contextmanager
    def asking(self, what: str, *, missing: type[InvalidInput] = RepositoryError) -> Iterator[None]:
        """Turn GitHub's refusals into Bridle's errors.

        Args:
            what: is asked for or written, for messages.
            missing: what a 404 or 410 means.
        """
        from github import GithubException, RateLimitExceededException
        from requests.exceptions import RequestException

        try:
            yield
        except RateLimitExceededException as error:
            raise ForgeDown(
                f"{what}: rate limit of connection {self.connection!r} is used up; try later",
                retry_after=_patience(error.headers),
            ) from error
        except GithubException as error:
            said = f"{error.status} {_message(error)}"
            if error.status == 401 or (error.status == 403 and "rate limit" not in said.lower()):
                raise CredentialError(
                    f"{what}: {self.base_url} refuses Airflow connection {self.connection!r}: {said}. Check "
                    "that its token is valid and may read and write issues, contents and pull requests"
                ) from error
            if error.status in {404, 410}:
                raise missing(
                    f"{what}: not found at {self.base_url} with connection {self.connection!r} ({said}); a "
                    "private repository that the token may not see answers the same"
                ) from error
            if error.status in {403, 429} or error.status >= 500:
                raise ForgeDown(
                    f"{what}: {self.base_url} answers {said}; try later",
                    retry_after=_patience(error.headers) if error.status in {403, 429} else None,
                ) from error
            raise RepositoryError(f"{what}: {self.base_url} answers {said}") from error
        except RequestException as error:
            raise ForgeDown(f"{what}: no answer from {self.base_url}: {error}") from error


def _patience(headers: "Mapping[str, Any] | None") -> float:
    """Seconds that GitHub wants to be left alone; a minute where it does not say."""
    told = {name.lower(): str(value) for name, value in (headers or {}).items()}
    if told.get("retry-after", "").isdigit():
        return float(told["retry-after"])
    if told.get("x-ratelimit-remaining") == "0" and told.get("x-ratelimit-reset", "").isdigit():
        return max(1.0, float(told["x-ratelimit-reset"]) - time.time())
    return 60.0


def _message(error: "Exception") -> str:
    data = getattr(error, "data", None)
    if not isinstance(data, dict):
        return str(data or "")[:300]
    details = [
        str(entry.get("message", entry)) for entry in data.get("errors") or () if isinstance(entry, dict)
    ]
    return "; ".join([str(data.get("message", "")), *details])[:500]
