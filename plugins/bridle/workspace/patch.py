"""A change between two commits, as plain data computed by git."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridle.workspace.git import git, text

SYMLINK, GITLINK = "120000", "160000"
"""File modes of git."""

_DIFF = ("-r", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class DiffStat:
    """How large a change is."""

    files: int
    added: int
    """Lines."""
    deleted: int
    """Lines."""

    def __str__(self) -> str:
        files = "1 file" if self.files == 1 else f"{self.files} files"
        return f"{files} (+{self.added} -{self.deleted})"


@dataclass(frozen=True)
class FileChange:
    """What happened to one file."""

    path: str
    """Bytes that are not UTF-8 are shown as `\\xNN`."""
    status: str
    """`A` added, `M` modified, `D` deleted, `R` renamed, `T` changed its type."""
    added: int
    """Lines; 0 for a binary file."""
    deleted: int
    """Lines; 0 for a binary file."""
    mode: str
    """After the change, as git writes it: 100644, 100755, 120000 symlink, 160000 submodule, 000000 gone."""
    old_mode: str
    old_path: str | None = None
    """Where a renamed file was."""
    symlink_target: str | None = None
    binary: bool = False
    """Git cannot show the change as lines."""


@dataclass(frozen=True)
class AddedLine:
    """A line that a patch adds."""

    path: str
    number: int
    """From 1, in the file after the change."""
    text: str


@dataclass(frozen=True)
class Patch:
    """The change from `base` to `head`."""

    base: str
    head: str
    text: str
    """Unified diff with full object names; for people and models to read."""
    files: tuple[FileChange, ...]
    hash: str
    """sha256 over paths, modes and contents before and after; the same on every host and for every git."""
    added_lines: tuple[AddedLine, ...] = ()

    @property
    def stat(self) -> DiffStat:
        """Its size."""
        return DiffStat(
            len(self.files), sum(file.added for file in self.files), sum(file.deleted for file in self.files)
        )

    def __bool__(self) -> bool:
        return bool(self.files)


def read_patch(git_dir: Path, base: str, head: str) -> Patch:
    """Compute the change from `base` to `head` (commits or trees) in the repository `git_dir`.

    Raises:
        RepositoryError: one of them is not there.
    """
    exact = git("diff-tree", "-z", "--raw", "--no-renames", *_DIFF, base, head, git_dir=git_dir)
    shown = git("diff-tree", "-p", "--full-index", "-M", *_DIFF, base, head, git_dir=git_dir)
    files = _files(git_dir, base, head)
    return Patch(
        base=base,
        head=head,
        text=text(shown),
        files=files,
        hash=hashlib.sha256(exact).hexdigest(),
        added_lines=tuple(_added(shown, files)),
    )


def _files(git_dir: Path, base: str, head: str) -> tuple[FileChange, ...]:
    listing = git("diff-tree", "-z", "--raw", "--numstat", "-M", *_DIFF, base, head, git_dir=git_dir).split(
        b"\0"
    )
    fields = iter(listing[:-1])
    raw: list[tuple[list[bytes], bytes | None, bytes]] = []
    counts: dict[bytes, tuple[bytes, bytes]] = {}
    for entry in fields:
        if entry.startswith(b":"):
            parts = entry[1:].split(b" ")
            old = next(fields) if parts[4][:1] in b"RC" else None
            raw.append((parts, old, next(fields)))
        else:
            added, deleted, path = entry.split(b"\t", 2)
            if not path:  # a rename: both names follow
                next(fields)
                path = next(fields)
            counts[path] = (added, deleted)
    changes = []
    for (old_mode, mode, _, blob, status), old, path in raw:
        added, deleted = counts.get(path, (b"0", b"0"))
        target = git("cat-file", "blob", blob.decode(), git_dir=git_dir) if mode.decode() == SYMLINK else None
        changes.append(
            FileChange(
                path=text(path),
                status=status[:1].decode(),
                added=0 if added == b"-" else int(added),
                deleted=0 if deleted == b"-" else int(deleted),
                mode=mode.decode(),
                old_mode=old_mode.decode(),
                old_path=None if old is None else text(old),
                symlink_target=None if target is None else text(target),
                binary=added == b"-",
            )
        )
    return tuple(changes)


def _added(shown: bytes, files: tuple[FileChange, ...]) -> Iterator[AddedLine]:
    """Added lines of a diff; hunk headers say how many lines follow, so content cannot pose as a header."""
    # a changed type is shown as a deletion and an addition
    paths = iter([file.path for file in files for _ in range(2 if file.status == "T" else 1)])
    path, number, old_left, new_left = "", 0, 0, 0
    for line in shown.split(b"\n"):
        if old_left or new_left:
            kind = line[:1]
            if kind == b"+":
                yield AddedLine(path, number, text(line[1:]))
            old_left -= kind in b" -"
            new_left -= kind in b" +"
            number += kind in b" +"
        elif line.startswith(b"diff --git "):
            path = next(paths)
        elif hunk := _HUNK.match(line):
            old, start, new = hunk.groups()
            number, old_left, new_left = int(start), int(old or 1), int(new or 1)
