"""Single files of commits, read and replaced in the mirror without a work tree."""

import tempfile
from pathlib import Path, PurePosixPath

from bridle.errors import RepositoryError
from bridle.workspace.clone import AUTHOR
from bridle.workspace.git import git, run
from bridle.workspace.mirror import Mirror

_PLAIN = {"100644", "100755"}


def read_file(mirror: Mirror, commit: str, path: str) -> bytes | None:
    """The content of a file in a commit; None when there is no such file.

    Raises:
        RepositoryError: it is a symlink, a folder or a submodule, or the path is none inside a repository.
    """
    mode, name = _entry(mirror, commit, path)
    if not name:
        return None
    if mode not in _PLAIN:
        raise RepositoryError(f"repository {mirror.name}: {path} is no plain file in {commit[:10]}")
    return mirror.git("cat-file", "blob", name)


def commit_with(
    mirror: Mirror, tree_of: str, path: str, content: bytes | None, *, parent: str, message: str
) -> str:
    """A commit with the files of another one, but for a single file.

    The same arguments make the same commit, on every host.

    Args:
        mirror: where it is made.
        tree_of: the commit whose files it has.
        path: the file that differs.
        content: what it holds instead; None: it is gone.
        parent: its only parent.
        message: its message.
    """
    mode, _ = _entry(mirror, tree_of, path)
    change = f"0 {'0' * 40}\t{path}\0"
    if content is not None:
        name = mirror.git("hash-object", "-w", "--stdin", stdin=content).decode().strip()
        change = f"{mode or '100644'} {name}\t{path}\0"
    with tempfile.TemporaryDirectory(prefix="bridle-index-") as folder:
        index = Path(folder) / "index"
        git("read-tree", tree_of, git_dir=mirror.path, index=index)
        git("update-index", "-z", "--index-info", git_dir=mirror.path, index=index, stdin=change.encode())
        tree = git("write-tree", git_dir=mirror.path, index=index).decode().strip()
    dates = [int(mirror.git("show", "--no-patch", "--format=%ct", sha)) for sha in (tree_of, parent)]
    date = f"{max(dates)} +0000"
    done = git(
        *("commit-tree", tree, "-p", parent, "-F", "-"),
        git_dir=mirror.path,
        stdin=message.strip().encode() + b"\n",
        env={**AUTHOR, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
    )
    return done.decode().strip()


def common_ancestor(mirror: Mirror, one: str, other: str) -> str | None:
    """Where two commits parted; None when they have nothing in common."""
    done = run("merge-base", one, other, git_dir=mirror.path)
    return done.output.decode().strip() if done.exit_code == 0 else None


def _entry(mirror: Mirror, commit: str, path: str) -> tuple[str, str]:
    """Mode and object of a path; empty when it is not there."""
    parts = PurePosixPath(path).parts
    if (
        not parts
        or path.startswith("/")
        or ".." in parts
        or "\0" in path
        or PurePosixPath(path).as_posix() != path
    ):
        raise RepositoryError(f"{path!r} is no path inside a repository; write it like docs/PLAN.md")
    listed = mirror.git("ls-tree", "-z", "--full-tree", commit, "--", path)
    if not listed:
        return "", ""
    mode, _, name = listed.partition(b"\t")[0].decode().split(" ")
    return mode, name
