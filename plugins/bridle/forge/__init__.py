"""Where issues come from and pull requests go: GitHub, or a plain git remote with folders beside it."""

from bridle.config.repositories import Repository
from bridle.forge.base import Forge
from bridle.workspace.mirror import Mirror
from bridle.workspace.remote import Remote


def open_forge(repository: Repository, *, mirror: Mirror | None = None) -> Forge:
    """The forge of a repository.

    Args:
        repository: from repositories.yaml.
        mirror: has the commits; needed for branches only.

    Raises:
        CredentialError: the Airflow connection is missing or holds no token.
    """
    if repository.forge == "local":
        from bridle.forge.local import LocalForge

        return LocalForge.of(repository, mirror)
    from bridle.forge.github import GitHubForge

    return GitHubForge.from_connection(repository, mirror)


def remote_of(repository: Repository) -> Remote:
    """Where the repository's commits come from and go to, with the token of its connection.

    Raises:
        CredentialError: the Airflow connection is missing or holds no token.
        RepositoryError: forge `local` without a `url`.
    """
    if repository.forge == "local":
        return Remote.of(repository)
    from bridle.forge.access import Access

    return Access.from_connection(repository.connection).remote(repository)


__all__ = ["open_forge", "remote_of"]
