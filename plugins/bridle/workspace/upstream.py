"""Writing to a repository's remote: only effects do, after a gate."""

from bridle.errors import RepositoryError
from bridle.workspace.git import Finished, run
from bridle.workspace.mirror import FETCH_SECONDS, Mirror


def head(mirror: Mirror, branch: str) -> str | None:
    """The commit that the remote has on `branch` now; None when there is no such branch.

    Raises:
        CredentialError, ForgeDown, RepositoryError: see `Mirror.fetch`.
    """
    ref = _ref(mirror, branch)
    done = _talk(mirror, "ls-remote", mirror.remote.url, ref)
    if done.exit_code != 0:
        raise mirror.remote.failure(done, "reading")
    listed = dict(line.split("\t")[::-1] for line in done.output.decode("utf-8", "replace").splitlines())
    return listed.get(ref)


def push(mirror: Mirror, commit: str, branch: str, expected: str | None) -> None:
    """Put `commit` on `branch` of the remote; when it is there already, do nothing.

    Args:
        commit: full sha, in the mirror.
        branch: name without `refs/heads/`.
        expected: what the branch must be at before; None: it must not exist.

    Raises:
        RepositoryError: the branch is elsewhere than expected, or the remote declined.
        CredentialError, ForgeDown: see `Mirror.fetch`.
    """
    if head(mirror, branch) == commit:
        return
    ref = _ref(mirror, branch)
    done = _push(mirror, f"{commit}:{ref}", f"{ref}:{expected or ''}")
    if done.exit_code == 0:
        return
    found = head(mirror, branch)
    if found == commit:
        return
    if found != expected:
        raise RepositoryError(
            f"branch {branch} of {mirror.remote.url} is at {found}, not at {expected}: "
            "somebody else moved it. Look at what is there; delete the branch to let this run publish again"
        )
    raise mirror.remote.failure(done, "pushing to")


def delete(mirror: Mirror, branch: str, expected: str) -> None:
    """Remove `branch` from the remote if it is still at `expected`; gone already is fine.

    Raises:
        RepositoryError: the branch has moved on since, or the remote declined.
        CredentialError, ForgeDown: see `Mirror.fetch`.
    """
    ref = _ref(mirror, branch)
    if head(mirror, branch) is None:
        return
    done = _push(mirror, f":{ref}", f"{ref}:{expected}")
    if done.exit_code == 0:
        return
    found = head(mirror, branch)
    if found is None:
        return
    if found != expected:
        raise RepositoryError(
            f"branch {branch} of {mirror.remote.url} is at {found}, not at {expected}; it was left alone"
        )
    raise mirror.remote.failure(done, "deleting a branch of")


def _push(mirror: Mirror, refspec: str, lease: str) -> Finished:
    return _talk(
        mirror,
        "push",
        "--porcelain",
        "--no-verify",
        "--no-follow-tags",
        f"--force-with-lease={lease}",
        mirror.remote.url,
        refspec,
    )


def _talk(mirror: Mirror, *arguments: str) -> Finished:
    return run(
        *arguments, git_dir=mirror.path, settings=mirror.remote.settings, timeout_seconds=FETCH_SECONDS
    )


def _ref(mirror: Mirror, branch: str) -> str:
    ref = f"refs/heads/{branch}"
    mirror.git("check-ref-format", ref)
    return ref
