"""Reading files of a tree that somebody hostile may be changing at the same time."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # opening a pipe must not wait for a writer


@dataclass(frozen=True)
class Entry:
    """A regular file or a symlink."""

    mode: str
    """As git writes it: 100644, 100755 or 120000."""
    size: int
    """Bytes."""
    content: bytes | None
    """Of a symlink: where it leads. None: larger than asked for."""


def is_folder(root: Path, path: bytes) -> bool:
    """Whether `path` below `root` is a folder, reached without a symlink."""
    with _parent(root, path) as (folder, name):
        found = None if folder is None else _look(folder, name)
    return found is not None and stat.S_ISDIR(found.st_mode)


def read(root: Path, path: bytes, limit: int) -> Entry | None:
    """The file or symlink at `path` below `root`; no part of the path may be a symlink.

    Args:
        limit: bytes of the largest content to read.

    Returns:
        None when there is nothing, or something else than a file or symlink, or a symlink on the way.

    Raises:
        PermissionError: it may not be read.
    """
    with _parent(root, path) as (folder, name):
        found = None if folder is None else _look(folder, name)
        if found is None:
            return None
        if stat.S_ISLNK(found.st_mode):
            return _link(folder, name)
        descriptor = _open(folder, name, _FILE) if stat.S_ISREG(found.st_mode) else None
        return None if descriptor is None else _content(descriptor, limit)


def _content(descriptor: int, limit: int) -> Entry | None:
    with os.fdopen(descriptor, "rb") as file:
        now = os.fstat(file.fileno())
        if not stat.S_ISREG(now.st_mode):  # replaced since it was looked at
            return None
        content = file.read(limit + 1)
    mode = "100755" if now.st_mode & stat.S_IXUSR else "100644"
    if len(content) > limit:
        return Entry(mode, max(now.st_size, len(content)), None)
    return Entry(mode, len(content), content)


def _link(folder: int | None, name: bytes) -> Entry | None:
    try:
        target = os.readlink(name, dir_fd=folder)
    except OSError:  # replaced since it was looked at
        return None
    return Entry("120000", len(target), target)


@contextmanager
def _parent(root: Path, path: bytes) -> Iterator[tuple[int | None, bytes]]:
    """The folder that `path` is in, opened step by step so that no symlink is followed."""
    *folders, name = path.split(b"/")
    with ExitStack() as opened:
        folder: int | None = _enter(None, os.fsencode(root), opened)
        for part in folders:
            folder = None if folder is None else _enter(folder, part, opened)
        yield folder, name


def _enter(folder: int | None, name: bytes, opened: ExitStack) -> int | None:
    found = _open(folder, name, _FOLDER)
    if found is not None:
        opened.callback(os.close, found)
    return found


def _open(folder: int | None, name: bytes, flags: int) -> int | None:
    try:
        return os.open(name, flags, dir_fd=folder)
    except PermissionError:
        raise
    except OSError:  # gone, or another kind of thing by now
        return None


def _look(folder: int | None, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
