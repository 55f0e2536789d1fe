"""Events on disk while Postgres is away."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID


class Spool:
    """One file of JSON lines per session, readable by its user only; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before something is kept.

        Args:
            folder: on a disk that outlives the task's process.
        """
        self.folder = folder

    def keep(self, session_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows that are redacted already, and sync them."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        while True:
            file = os.open(
                self._path(session_id), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file).st_nlink == 0:
                    continue  # replayed and removed while we waited for it
                # a writer that was killed may have left half a line
                _write(file, b"\n" + lines)
                os.fsync(file)
                return
            finally:
                os.close(file)

    def waiting(self) -> Iterator[UUID]:
        """Sessions with kept rows."""
        for path in sorted(self.folder.glob("*.jsonl")):
            yield UUID(path.stem)

    def last_seq(self, session_id: UUID) -> int:
        """The highest number kept for a session; 0 for none."""
        try:
            rows = _rows(self._path(session_id).read_bytes())
        except FileNotFoundError:
            return 0
        return max((row["seq"] for row in rows), default=0)

    def drain(self, session_id: UUID, write: Callable[[list[dict[str, Any]]], None]) -> None:
        """Hand a session's rows to `write`, and remove them once it has returned."""
        path = self._path(session_id)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                write(_rows(file.read()))
                path.unlink()

    def _path(self, session_id: UUID) -> Path:
        return self.folder / f"{session_id}.jsonl"


def _write(file: int, data: bytes) -> None:
    """All of it or an OSError: a disk that fills up takes a part first."""
    while data:
        data = data[os.write(file, data) :]


def _rows(data: bytes) -> list[dict[str, Any]]:
    rows = []
    for line in data.split(b"\n"):
        try:
            rows += [json.loads(line)] if line else []
        except ValueError:  # UnicodeDecodeError too: it may end inside a character
            continue  # half a line: its writer was killed in it, so nobody counts on it
    return rows
