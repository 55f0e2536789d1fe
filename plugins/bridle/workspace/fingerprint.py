"""Proof that a folder is as it was."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fingerprint:
    """Kind, permissions and content of everything below a folder, the `.git` included."""

    entries: dict[str, str]

    def changes_since(self, before: "Fingerprint", *, may_grow: tuple[str, ...] = ()) -> list[str]:
        """Paths that are new, gone or different.

        Args:
            before: taken earlier.
            may_grow: prefixes below which new paths are fine; what was there must still be there, unchanged.
        """
        changed = {path for path, digest in before.entries.items() if self.entries.get(path) != digest}
        new = {path for path in self.entries.keys() - before.entries.keys() if not path.startswith(may_grow)}
        return sorted(changed | new)


MIRROR_MAY_GROW = ("objects/", "refs/bridle/")
"""What the harness itself adds to a mirror while sessions run."""


def fingerprint(folder: Path) -> Fingerprint:
    """Look at everything below `folder`."""
    return Fingerprint(dict(_entries(folder)))


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            found = path.lstat()
            content = ""
            if stat.S_ISLNK(found.st_mode):
                content = str(path.readlink())
            elif stat.S_ISREG(found.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            elif stat.S_ISDIR(found.st_mode) and "objects" in path.parts:
                continue
            yield str(path.relative_to(folder)), f"{found.st_mode:o} {content}"
