"""The part of a forge that is plain git."""

from bridle.errors import RepositoryError
from bridle.workspace import upstream
from bridle.workspace.mirror import Mirror


class Branches:
    """Branches of a repository's remote, written to from the mirror."""

    def __init__(self, mirror: Mirror | None) -> None:
        self._own_mirror = mirror

    @property
    def _mirror(self) -> Mirror:
        if self._own_mirror is None:
            raise RepositoryError(
                "this forge was opened without a mirror; give `open_forge` one to use branches"
            )
        return self._own_mirror

    def branch(self, name: str) -> str | None:
        """See `Forge.branch`."""
        return upstream.head(self._mirror, name)

    def push(self, commit: str, branch: str, expected: str | None) -> None:
        """See `Forge.push`."""
        upstream.push(self._mirror, commit, branch, expected)

    def delete_branch(self, branch: str, expected: str) -> None:
        """See `Forge.delete_branch`."""
        upstream.delete(self._mirror, branch, expected)
