"""How commits travel between hosts without passing the forge."""

import tempfile
from collections.abc import Sequence
from typing import Protocol

from bridle.errors import RepositoryError
from bridle.workspace.git import run
from bridle.workspace.mirror import Mirror

CARRIED = "refs/bridle/carried/"
"""Refs that bundles name their commit by."""


class Carrier(Protocol):
    """Brings commits from mirror to mirror."""

    def put(self, mirror: Mirror, sha: str, base: str | None) -> None:
        """Make `sha` available to other hosts.

        Args:
            mirror: has the commit.
            base: an ancestor that they have, or can get the same way; None: they have nothing.
        """
        ...

    def fetch(self, mirror: Mirror, sha: str) -> None:
        """Bring `sha` into `mirror`.

        Raises:
            RepositoryError: nobody has put it.
        """
        ...


class HostCarrier:
    """For one host: commits are in its mirror, and nowhere else."""

    def put(self, mirror: Mirror, sha: str, base: str | None) -> None:
        """Nothing to do."""

    def fetch(self, mirror: Mirror, sha: str) -> None:
        """Fetch from the remote, in case the commit is on one of its branches."""
        _from_remote(mirror, sha)


def _from_remote(mirror: Mirror, sha: str) -> None:
    mirror.fetch()
    if not mirror.has(sha):
        raise RepositoryError(
            f"repository {mirror.name}: commit {sha} is not on this host, in no bundle, and on no branch of "
            f"{mirror.remote.url}; clear the step that made it"
        )


class Bundle(Protocol):
    """Commits as a git bundle."""

    @property
    def sha(self) -> str:
        """The commit that it brings."""
        ...

    @property
    def data(self) -> bytes:
        """The bundle file."""
        ...


class BundleStore(Protocol):
    """The part of the ledger that keeps bundles."""

    def put_bundle(self, repo: str, sha: str, base_sha: str | None, data: bytes) -> None:
        """Keep the commits between `base_sha` and `sha`; the same again changes nothing."""
        ...

    def bundles_for(self, repo: str, sha: str) -> Sequence[Bundle]:
        """The bundles that lead to `sha`, in the order to apply them; empty when there are none."""
        ...


class LedgerCarrier:
    """Incremental git bundles in the ledger."""

    def __init__(self, store: BundleStore) -> None:
        self._store = store

    def put(self, mirror: Mirror, sha: str, base: str | None) -> None:
        """Store the commits from `base` to `sha`."""
        if sha == base:
            return
        ref = CARRIED + sha
        mirror.keep(ref, sha)
        without = [f"^{base}"] if base else []
        data = mirror.git("bundle", "create", "--quiet", "--version=2", "-", ref, *without)
        self._store.put_bundle(mirror.name, sha, base, data)

    def fetch(self, mirror: Mirror, sha: str) -> None:
        """Apply the bundles that lead to `sha`, after a fetch from the remote that they build on."""
        bundles = self._store.bundles_for(mirror.name, sha)
        if not bundles:
            _from_remote(mirror, sha)
            return
        missing = _missing(mirror, bundles)
        if not _apply(mirror, missing):
            mirror.fetch()
            _apply(mirror, missing)
        if not mirror.has(sha):
            raise RepositoryError(
                f"repository {mirror.name}: the bundles of commit {sha} in the ledger do not fit what "
                "this host has; was the branch that they build on rewritten? Clear the run"
            )
        mirror.keep(CARRIED + sha, sha)


def _missing(mirror: Mirror, bundles: Sequence[Bundle]) -> Sequence[Bundle]:
    """Those behind the newest commit that is here: git looks through every bundle that it is given."""
    for number in reversed(range(len(bundles))):
        if mirror.has(bundles[number].sha):
            return bundles[number + 1 :]
    return bundles


def _apply(mirror: Mirror, bundles: Sequence[Bundle]) -> bool:
    """Unpack the bundles; False when one builds on a commit that is not here."""
    for bundle in bundles:
        with tempfile.NamedTemporaryFile(suffix=".bundle") as file:
            file.write(bundle.data)
            file.flush()
            if run("bundle", "verify", "--quiet", file.name, git_dir=mirror.path).exit_code != 0:
                return False
            mirror.git("bundle", "unbundle", file.name)
    return True
