"""Merging what several sessions made from the same commit: in order, in the mirror, without a work tree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridle.errors import RepositoryError
from bridle.workspace.carrier import Carrier
from bridle.workspace.clone import AUTHOR
from bridle.workspace.git import git, run, text
from bridle.workspace.mirror import Mirror

MERGES = "refs/bridle/merges/"
"""Refs of what was merged, by commit."""

CONFLICT_BYTES = 8_000
"""How much of a conflict's text is kept."""

_MARKERS = (b"<<<<<<< ", b">>>>>>> ")


@dataclass(frozen=True)
class Conflict:
    """A commit that does not merge by itself."""

    commit: str
    """What was to be merged; it stays as it is."""
    onto: str
    """What it was to be merged into."""
    files: tuple[str, ...]
    """Paths that both have changed."""
    text: str
    """The conflicting hunks, with markers; at most `CONFLICT_BYTES`."""
    draft: str
    """A commit with both as parents and the markers in its files, for somebody to go on from."""


@dataclass(frozen=True)
class Merged:
    """What merging came to."""

    commit: str
    """Holds `base` and all of `merged`."""
    merged: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def merge(
    mirror: Mirror,
    carrier: Carrier,
    base: str,
    commits: Sequence[str],
    *,
    message: Callable[[str], str] = lambda commit: f"Merge {commit[:10]}",
    resolve: Callable[[Conflict], str | None] = lambda conflict: None,
) -> Merged:
    """Merge `commits` one after the other onto `base`; those that conflict are left out and reported.

    Nothing is lost: every commit keeps its name, and what is merged has it as a parent. The same commits in
    the same order make the same result, on every host.

    Args:
        mirror: where it is done; commits that it lacks are brought by `carrier`.
        carrier: takes the result to other hosts.
        base: full sha to start from.
        commits: full shas, in the order of merging.
        message: of the merge of one commit.
        resolve: given a conflict, the commit whose files settle it; None: leave it out.

    Raises:
        RepositoryError: a commit is nowhere to be had, or shares no history with `base`.
        Whatever `resolve` raises.
    """
    for sha in (base, *commits):
        if not mirror.has(sha):
            carrier.fetch(mirror, sha)
    head = base
    merged: list[str] = []
    conflicts: list[Conflict] = []
    for commit in commits:
        if _contains(mirror, commit, head):
            head = commit
            merged.append(commit)
            continue
        tree, files = _merge_tree(mirror, head, commit)
        if files:
            conflict = _conflict(mirror, head, commit, tree, files)
            carrier.put(mirror, conflict.draft, base)
            settled = resolve(conflict)
            if settled is None:
                conflicts.append(conflict)
                continue
            tree = _tree(mirror, settled)
        head = _commit(mirror, tree, (head, commit), message(commit))
        merged.append(commit)
    if head != base:
        mirror.keep(MERGES + head, head)
        carrier.put(mirror, head, base)
    return Merged(head, tuple(merged), tuple(conflicts))


def unsettled(mirror: Mirror, conflict: Conflict, commit: str) -> list[str]:
    """Paths of `conflict` that still have a marker in `commit`."""
    return [path for path in conflict.files if _marked(_content(mirror, commit, path))]


def _merge_tree(mirror: Mirror, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """The merged tree, and the paths that conflict in it."""
    done = run(
        "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs, git_dir=mirror.path
    )
    if done.exit_code not in (0, 1):
        said = done.errors or "no message"
        raise RepositoryError(
            f"repository {mirror.name}: {theirs[:10]} does not merge into {ours[:10]}: {said}"
        )
    tree, *files = done.output.split(b"\0")[:-1]
    return tree.decode(), tuple(dict.fromkeys(text(path) for path in files if path))


def _contains(mirror: Mirror, commit: str, other: str) -> bool:
    return run("merge-base", "--is-ancestor", other, commit, git_dir=mirror.path).exit_code == 0


def _conflict(mirror: Mirror, ours: str, theirs: str, tree: str, files: tuple[str, ...]) -> Conflict:
    draft = _commit(mirror, tree, (ours, theirs), f"Conflict: {theirs[:10]} into {ours[:10]}")
    mirror.keep(MERGES + draft, draft)
    shown = "\n".join(f"--- {path}\n{_hunks(_content(mirror, draft, path))}" for path in files)
    cut = shown.encode()[:CONFLICT_BYTES].decode("utf-8", "ignore")
    return Conflict(theirs, ours, files, cut, draft)


def _content(mirror: Mirror, commit: str, path: str) -> bytes:
    done = run("cat-file", "blob", f"{commit}:{path}", git_dir=mirror.path)
    return done.output if done.exit_code == 0 else b""


def _marked(content: bytes) -> bool:
    return any(line.startswith(_MARKERS) for line in content.splitlines())


def _hunks(content: bytes) -> str:
    """The parts of a file between conflict markers."""
    kept: list[bytes] = []
    inside = False
    for line in content.splitlines():
        inside = inside or line.startswith(_MARKERS[0])
        if inside:
            kept.append(line)
        inside = inside and not line.startswith(_MARKERS[1])
    return text(b"\n".join(kept)) or "(one side deleted it, or it is binary)"


def _tree(mirror: Mirror, commit: str) -> str:
    return mirror.git("rev-parse", f"{commit}^{{tree}}").decode().strip()


def _commit(mirror: Mirror, tree: str, parents: tuple[str, str], message: str) -> str:
    # the date of the newest parent: the same merge has the same name, so a retry finds what was done
    dates = [mirror.git("show", "--no-patch", "--format=%ct", parent) for parent in parents]
    date = f"{max(int(date) for date in dates)} +0000"
    arguments = [word for parent in parents for word in ("-p", parent)]
    done = git(
        *("commit-tree", tree, *arguments, "-F", "-"),
        git_dir=mirror.path,
        stdin=message.strip().encode() + b"\n",
        env={**AUTHOR, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
    )
    return done.decode().strip()
