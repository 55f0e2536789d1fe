"""The content of a work tree as a git tree, whatever an agent has put into it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bridle.errors import NoRoom, PolicyViolation
from bridle.workspace.beneath import is_folder, read
from bridle.workspace.git import git, text

_HFS_IGNORES = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
_GITLINK = b"160000"
_NOTHING = b"0" * 40
_HALF_WRITTEN = re.compile(r"'(/[^']*/tmp_\w+)'")


@dataclass(frozen=True)
class Caps:
    """What may become part of a commit."""

    file_bytes: int = 10 * 2**20
    """A larger new or changed file is left out."""
    total_bytes: int = 50 * 2**20
    """Of all new and changed files together; above it there is no commit at all."""
    files: int = 5000
    """New, changed and deleted files; above it there is no commit at all."""


@dataclass(frozen=True)
class LeftOut:
    """A path that is not in the commit although it is in the work tree."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True)
class Snapshot:
    """The files of a work tree at one moment."""

    tree: str
    """Git's name of the content."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Checkout:
    """A work tree, and the harness's own account of it."""

    git_dir: Path
    """Repository that content is written to; out of the session's reach."""
    files: Path
    """The work tree; the session writes here."""
    index: Path
    """Git's list of what the tree was at the last snapshot; out of the session's reach."""

    def git(self, *arguments: str, stdin: bytes = b"", below: bytes | None = None) -> bytes:
        """Run git on the work tree, or on a folder `below` it as if nothing there were tracked."""
        if below is None:
            return git(*arguments, git_dir=self.git_dir, work_tree=self.files, index=self.index, stdin=stdin)
        folder = self.files / os.fsdecode(below)
        return git(*arguments, git_dir=self.git_dir, work_tree=folder, index=self.index.with_name("none"))


@dataclass
class _Change:
    caps: Caps
    gone: list[bytes] = field(default_factory=list)
    present: list[tuple[bytes, str, bytes]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    total_bytes: int = 0

    def leave_out(self, path: bytes, why: str) -> None:
        self.left_out.append(LeftOut(text(path), why))

    def add(self, path: bytes, mode: str, content: bytes) -> None:
        self.present.append((path, mode, content))
        self.total_bytes += len(content)
        if self.total_bytes > self.caps.total_bytes or len(self.present) + len(self.gone) > self.caps.files:
            raise PolicyViolation(
                f"more than {self.caps.files} files or {self.caps.total_bytes / 2**20:.0f} MiB were changed; "
                f"the last one seen is {text(path)!r}. Build output belongs in .gitignore"
            )


def take_snapshot(checkout: Checkout, caps: Caps) -> Snapshot:
    """Write the content of the work tree into the repository.

    Files are read as they are, byte for byte, and without following symlinks: no `.git` inside the tree is
    looked at, no attribute and no filter is applied. Repositories that an agent made inside the tree become
    plain files; submodules stay what they were; what .gitignore names stays out, unless it is tracked.

    Raises:
        PolicyViolation: more was changed than `caps` allow.
        RepositoryError: git cannot read the tree.
    """
    change = _Change(caps)
    for path, old_mode in _differing(checkout):
        _sort(change, checkout.files, path, old_mode)
    if change.gone or change.present:
        names = _store(checkout, [content for _, _, content in change.present])
        lines = [b"0 %b\t%b\0" % (_NOTHING, path) for path in change.gone]
        for (path, mode, _), name in zip(change.present, names, strict=True):
            lines.append(b"%b %b\t%b\0" % (mode.encode(), name, path))
        checkout.git("update-index", "-z", "--index-info", stdin=b"".join(lines))
    return Snapshot(checkout.git("write-tree").decode().strip(), tuple(change.left_out))


def _differing(checkout: Checkout) -> Iterator[tuple[bytes, bytes]]:
    """Paths that may differ from the last snapshot, with the mode they had then (empty for new ones)."""
    tracked = checkout.git("diff-files", "--raw", "-z", "--ignore-submodules=all").split(b"\0")
    for header, path in zip(tracked[0:-1:2], tracked[1::2], strict=True):
        yield path, header[1:].split(b" ")[0]
    for path in _untracked(checkout, None):
        yield path, b""


def _untracked(checkout: Checkout, below: bytes | None) -> Iterator[bytes]:
    """New files that .gitignore does not name, those in repositories nested in the tree included."""
    for name in checkout.git("ls-files", "-z", "--others", "--exclude-standard", below=below).split(b"\0")[
        :-1
    ]:
        path = (below or b"") + name
        if path.endswith(b"/"):
            # git lists a nested repository as one folder; seen from inside, it is files
            if is_folder(checkout.files, path[:-1]):
                yield from _untracked(checkout, path)
        else:
            yield path


def _sort(change: _Change, root: Path, path: bytes, old_mode: bytes) -> None:
    """Decide what becomes of a path that may differ from the last snapshot."""
    if _is_git(path):
        change.leave_out(path, "git refuses such a name")
        return
    try:
        entry = read(root, path, change.caps.file_bytes)
    except PermissionError:
        change.leave_out(path, "not readable")
        return
    if entry is None:
        if old_mode and not (old_mode == _GITLINK and is_folder(root, path)):
            change.gone.append(path)
    elif entry.content is None:
        limit = change.caps.file_bytes / 2**20
        change.leave_out(path, f"{entry.size / 2**20:.1f} MiB, over {limit:.0f} MiB for one file")
    else:
        change.add(path, entry.mode, entry.content)


def _store(checkout: Checkout, contents: list[bytes]) -> list[bytes]:
    """Write contents as blobs; returns git's names of them, in order."""
    stream = bytearray()
    for content in contents:
        stream += b"blob\nmark :1\ndata %d\n%b\nget-mark :1\n" % (len(content), content)
    try:
        return checkout.git("fast-import", "--quiet", "--force", stdin=bytes(stream)).split()
    except NoRoom as error:
        _forget_half_written(checkout.git_dir, str(error))
        raise


def _forget_half_written(git_dir: Path, said: str) -> None:
    """Remove what this git leaves when there is no room: else each further try would take more of it."""
    # other files of that kind are others' at work
    own = [Path(name) for name in _HALF_WRITTEN.findall(said)]
    for path in (*own, *git_dir.glob("fast_import_crash_*")):
        if path.is_relative_to(git_dir):
            path.unlink(missing_ok=True)


def _is_git(path: bytes) -> bool:
    """Whether a part of the path is `.git` to git on some file system."""
    for part in path.split(b"/"):
        name = part.decode("utf-8", "replace").translate(_HFS_IGNORES).casefold()
        name = name.partition(":")[0].rstrip(" .")
        if name in {".git", "git~1"}:
            return True
    return False
