"""What is unusual about a repository: it works, and whoever reads the log should know how."""

from collections import Counter
from collections.abc import Iterator

from bridle.workspace.git import text
from bridle.workspace.mirror import Mirror

SHOWN = 3
"""Paths in a note."""


def oddities(mirror: Mirror, commit: str) -> Iterator[str]:
    """A note for each unusual thing in the files of `commit`."""
    entries = mirror.git("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]
    paths = [(head.split()[0], path) for head, _, path in (entry.partition(b"\t") for entry in entries)]
    if submodules := [path for mode, path in paths if mode == b"160000"]:
        yield (
            f"{_some(submodules)}: submodules stay as they are, and are empty folders for agents and checks; "
            "a check that needs one has to fetch it itself (`network: true`)"
        )
    if _uses_lfs(mirror, commit, [path for _, path in paths]):
        yield (
            "it uses git LFS: agents and checks see the pointer files, not the large files; a change to one "
            "is committed as it is"
        )
    folded = Counter(path.decode("utf-8", "replace").casefold() for _, path in paths)
    if twins := [path for _, path in paths if folded[path.decode("utf-8", "replace").casefold()] > 1]:
        yield (
            f"{_some(twins)}: names that differ in upper and lower case only; agents here see both, a "
            "checkout on macOS or Windows has only one"
        )
    if strange := [path for _, path in paths if not _is_utf8(path)]:
        yield f"{_some(strange)}: names that are no UTF-8 are kept byte for byte, and shown as \\xNN"


def _uses_lfs(mirror: Mirror, commit: str, paths: list[bytes]) -> bool:
    files = [path for path in paths if path.rpartition(b"/")[2] == b".gitattributes"]
    wanted = b"".join(b"%b:%b\n" % (commit.encode(), path) for path in files if b"\n" not in path)
    return bool(wanted) and b"filter=lfs" in mirror.git("cat-file", "--batch", stdin=wanted)


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _some(paths: list[bytes]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(text(path) for path in paths[:SHOWN]) + more
