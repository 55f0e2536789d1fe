"""A repository on one page: its files with sizes and symbols, for a model that reads nothing else."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from bridle.workspace.git import text
from bridle.workspace.mirror import Mirror

MAP_BYTES = 2_000
SYMBOLS = 6
"""Names of one file at most."""

_READ = 60
"""Files that are read for their symbols, the smallest first."""
_LARGE = 100_000
_DECLARED = re.compile(
    r"^(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:pub\s+)?"
    r"(?:def|class|function|func|fn|struct|enum|trait|interface|type|const)\s+\*?([A-Za-z_$][\w$]*)",
    re.MULTILINE,
)
_SOURCES = frozenset(
    {
        ".py",
        ".js",
        ".mjs",
        ".cjs",
        ".jsx",
        ".ts",
        ".tsx",
        ".go",
        ".rs",
        ".java",
        ".kt",
        ".rb",
        ".php",
        ".swift",
    }
)


def map_of(mirror: Mirror, commit: str, *, max_bytes: int = MAP_BYTES) -> str:
    """The tree of `commit`, by folder where that is too long; symbols as far as there is room.

    Args:
        mirror: has the commit.
        commit: full sha.
        max_bytes: the longest text that is returned.
    """
    sizes = _sizes(mirror, commit)
    if not sizes:
        return "(an empty repository)"
    deepest = max(path.count("/") for path in sizes)
    depths = range(deepest, -1, -1)
    depth = next((depth for depth in depths if _length(_tree(sizes, depth)) <= max_bytes), 0)
    lines = _tree(sizes, depth)
    opened: tuple[str, ...] = ()
    for folder in [name for name in lines if name.endswith("/")]:
        trial = _tree(sizes, depth, (*opened, folder))
        if _length(trial) <= max_bytes:
            lines, opened = trial, (*opened, folder)
    if _length(lines) > max_bytes:
        whole = "\n".join(lines.values()).encode()[: max_bytes - 8].decode("utf-8", "ignore")
        return whole.rsplit("\n", 1)[0] + "\n…"
    room = max_bytes - _length(lines)
    for path, names in _symbols(mirror, commit, sizes).items():
        told = f": {', '.join(names)}"
        if path in lines and names and len(told.encode()) <= room:
            lines[path] += told
            room -= len(told.encode())
    return "\n".join(lines.values())


def _sizes(mirror: Mirror, commit: str) -> dict[str, int]:
    sizes = {}
    for entry in mirror.git("ls-tree", "-r", "-l", "-z", commit).split(b"\0")[:-1]:
        head, path = entry.split(b"\t", 1)
        size = head.split()[3]
        sizes[text(path)] = 0 if size == b"-" else int(size)
    return sizes


def _symbols(mirror: Mirror, commit: str, sizes: Mapping[str, int]) -> dict[str, list[str]]:
    sources = [path for path in sizes if PurePosixPath(path).suffix in _SOURCES and 0 < sizes[path] < _LARGE]
    found = {}
    for path in sorted(sources, key=lambda path: (sizes[path], path))[:_READ]:
        content = text(mirror.git("cat-file", "blob", f"{commit}:{path}"))
        found[path] = list(dict.fromkeys(_DECLARED.findall(content)))[:SYMBOLS]
    return found


def _tree(sizes: Mapping[str, int], depth: int, opened: tuple[str, ...] = ()) -> dict[str, str]:
    """A line for each file down to `depth` folders or in `opened` ones, and one for each folder below."""
    found: dict[str, list[int]] = {}
    for path in sorted(sizes):
        parts = path.split("/")
        folder = "/".join(parts[: depth + 1]) + "/"
        name = path if len(parts) <= depth + 1 or folder in opened else folder
        found.setdefault(name, []).append(sizes[path])
    return {
        name: f"{name} {len(counted)} files {sum(counted)}" if name.endswith("/") else f"{name} {counted[0]}"
        for name, counted in found.items()
    }


def _length(lines: Mapping[str, str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines.values())
