"""Whether what roles.yaml and repositories.yaml name can be reached; nothing is bought or written."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bridle.agents.base import Dialect
from bridle.config.providers import UNSAID
from bridle.config.repositories import Repository
from bridle.doctor.finding import Finding, fail, ok, unseen, warn
from bridle.doctor.patient import Patient
from bridle.errors import BridleError, CredentialError, Transient
from bridle.forge import remote_of
from bridle.gateway.providers import Provider, resolve
from bridle.gateway.refusal import credential_problem, is_json
from bridle.workspace.git import run

SECONDS = 15.0


def models(patient: Patient) -> Iterator[Finding]:
    """Every provider and key that a role needs: asked for its list of models, which costs nothing."""
    if patient.settings.answered_by != "live":
        yield unseen("models", f"they are answered by a {patient.settings.answered_by}: no key is needed")
        return
    wanted = {
        (provider, role.connection if provider == role.provider else None): model
        for role in patient.roles.roles.values()
        for provider, model in ((each.partition(":")[0], each) for each in (role.model, *role.fallback))
    }
    for (name, connection), model in wanted.items():
        what = f"provider {name}"
        try:
            provider, _ = resolve(model, connection, patient.roles.providers.get(name, UNSAID))
        except BridleError as error:
            yield fail(what, str(error), "see docs/install.md, `Give it a model`")
        else:
            yield _asked(what, provider)


def _asked(what: str, provider: Provider) -> Finding:
    dialect, endpoint = next(iter(provider.endpoints.items()))
    url = _list_of_models(dialect, endpoint)
    key = f"connection {provider.connection}" if provider.connection else "no key"
    try:
        answer = httpx.get(url, headers=_headers(provider, dialect), timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return fail(
            what, f"no answer from {url}: {error}", "check the network, the proxy and the connection's host"
        )
    return _judged(what, url, key, answer)


def _judged(what: str, url: str, key: str, answer: httpx.Response) -> Finding:
    if problem := credential_problem(answer.status_code, answer.content):
        return fail(what, f"{url}: {problem}", f"put a working key into {key}")
    if answer.status_code == 429 or answer.status_code >= 500:
        return warn(what, f"{url} answers {answer.status_code}", "try again later")
    if answer.status_code == 404:
        return unseen(what, f"{url} has no list of models, so the key of {key} cannot be tried for free")
    if not answer.is_success:
        return warn(what, f"{url} answers {answer.status_code}", f"check the host and the key of {key}")
    if not is_json(answer.content):
        return fail(what, f"{url} answers with a page and not with JSON", f"check the host of {key}")
    return ok(what, f"{urlsplit(url).netloc} takes {key}")


def _headers(provider: Provider, dialect: Dialect) -> dict[str, str]:
    version = {"anthropic-version": "2023-06-01"} if dialect == "anthropic-messages" else {}
    return {**version, **provider.request_headers(dialect)}


def _list_of_models(dialect: Dialect, endpoint: str) -> str:
    ends = {"anthropic-messages": "/messages", "openai-chat": "/chat/completions"}
    return f"{endpoint.removesuffix(ends.get(dialect, '/responses'))}/models"


def repositories(patient: Patient) -> Iterator[Finding]:
    """Every repository: its remote, the base branch, and the forge."""
    for name, repository in patient.repositories.repositories.items():
        for what, look in ((f"repository {name}", _remote), (f"issues of {name}", _forge)):
            try:
                yield look(what, name, repository)
            except BridleError as error:
                yield fail(what, str(error), _remedy(error, repository))
                break


def _remedy(error: BridleError, repository: Repository) -> str:
    if isinstance(error, CredentialError):
        return f"put a working token into connection {repository.connection}"
    if isinstance(error, Transient):
        return "check the network and the proxy, or try again later"
    return "see docs/install.md, `Name your repositories`"


def _remote(what: str, name: str, repository: Repository) -> Finding:
    remote = remote_of(repository)
    with tempfile.TemporaryDirectory(prefix="bridle-doctor-") as nowhere:
        done = run(
            "ls-remote",
            "--heads",
            remote.url,
            git_dir=Path(nowhere),
            settings=remote.settings,
            timeout_seconds=SECONDS,
        )
    if done.exit_code:
        raise remote.failure(done, "reading")
    branches = [
        line.rpartition("refs/heads/")[2] for line in done.output.decode(errors="replace").split("\n")
    ]
    if repository.base not in branches:
        known = ", ".join(filter(None, branches[:12])) or "none, it is empty"
        return fail(
            what,
            f"{remote.url} has no branch {repository.base!r}; branches: {known}",
            "set `base` in repositories.yaml, or push the branch",
        )
    return ok(what, f"{remote.url} has the branch {repository.base}")


def _forge(what: str, name: str, repository: Repository) -> Finding:
    if repository.forge == "local":
        folder = repository.issues
        if folder is None or not folder.is_dir():
            return fail(
                what,
                f"{folder} is no folder",
                "make it, or correct `issues` in repositories.yaml",
            )
        return ok(what, str(folder))
    from bridle.forge.access import Access

    access = Access.from_connection(repository.connection)
    with access.asking(what):
        found = access.client().get_repo(name)
        may_push = bool(found.permissions and found.permissions.push)
    if not may_push:
        return fail(
            what,
            f"connection {repository.connection!r} may read {name}, but not write",
            "give its token write access to contents, issues and pull requests",
        )
    if not found.has_issues:
        return warn(what, "issues are switched off there", "switch them on in the repository's settings")
    return ok(what, f"connection {repository.connection!r} may write to {name}")
