"""A repository on one page: its files with sizes and symbols, for a model that reads nothing else."""

import re
from collections.abc import Iterable, Mapping
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
    """The tree of `commit`; in a large repository without symbols, in a larger one by folder.

    Args:
        mirror: has the commit.
        commit: full sha.
        max_bytes: the longest text that is returned.
    """
    sizes = _sizes(mirror, commit)
    if not sizes:
        return "(an empty repository)"
    symbols = _symbols(mirror, commit, sizes)
    deepest = max(path.count("/") for path in sizes)
    drafts = [
        _files(sizes, symbols),
        _files(sizes, {}),
        *(_folders(sizes, n) for n in range(deepest, -1, -1)),
    ]
    fitting = (draft for draft in drafts if len(draft.encode()) <= max_bytes)
    whole = next(fitting, drafts[-1])
    if len(whole.encode()) <= max_bytes:
        return whole
    return whole.encode()[: max_bytes - 8].decode("utf-8", "ignore").rsplit("\n", 1)[0] + "\n…"


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


def _files(sizes: Mapping[str, int], symbols: Mapping[str, list[str]]) -> str:
    lines = []
    for path in sorted(sizes):
        names = symbols.get(path)
        lines.append(f"{path} {sizes[path]}" + (f": {', '.join(names)}" if names else ""))
    return "\n".join(lines)


def _folders(sizes: Mapping[str, int], depth: int) -> str:
    """Files down to `depth` folders; what lies deeper as one line for each folder."""
    lines: dict[str, list[int]] = {}
    for path in sorted(sizes):
        parts = path.split("/")
        name = path if len(parts) <= depth + 1 else "/".join(parts[: depth + 1]) + "/"
        lines.setdefault(name, []).append(sizes[path])
    return "\n".join(_line(name, counted) for name, counted in lines.items())


def _line(name: str, sizes: Iterable[int]) -> str:
    counted = list(sizes)
    return f"{name} {len(counted)} files {sum(counted)}" if name.endswith("/") else f"{name} {counted[0]}"
