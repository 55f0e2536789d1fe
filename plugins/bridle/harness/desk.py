"""The folder that one session works in: a clone, or an empty one where there is no repository."""

import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from socket import gethostname
from typing import Self

from bridle.harness.bench import Bench
from bridle.process.sandbox import Sandbox
from bridle.workspace.clone import Clone


@dataclass
class Desk:
    """Where a session works; closing it removes everything from this host."""

    bench: Bench
    folder: Path
    tree: Path
    """The work tree."""
    clone: Clone | None

    @classmethod
    def lay(cls, bench: Bench, session_id: str, *, base: str, start: str | None) -> Self:
        """Make the folder.

        Args:
            bench: of the step.
            session_id: names the folder.
            base: commit that the work starts from; empty without a repository.
            start: a checkpoint whose files to go on with.

        Raises:
            RepositoryError: a commit cannot be had.
        """
        if bench.repository is not None and base:
            clone = bench.workspace.open(bench.repository, base, session_id, start=start)
            return cls(bench, clone.folder, clone.path, clone)
        folder = bench.step.settings.home / "sessions" / session_id
        tree = folder / "tree"
        tree.mkdir(parents=True)
        (folder / "host").write_text(gethostname())  # so that the sweeper finds it
        return cls(bench, folder, tree, None)

    @property
    def home(self) -> Path:
        """The session's private HOME."""
        return self.folder / "home"

    @cached_property
    def socket(self) -> Path:
        """The gateway's Unix socket, for a sandbox without network."""
        # not below `folder`: the kernel takes no more than 107 bytes for the path of a socket
        folder = Path(tempfile.mkdtemp(prefix="bridle-"))
        folder.chmod(0o755)
        return folder / "gateway"

    def sandbox(self) -> Sandbox:
        """What the session may touch."""
        readable = self.clone.readable if self.clone else ()
        return self.bench.sandbox(writable=(self.tree, self.home), readable=(*readable, self.socket))

    def close(self) -> None:
        """Remove the folder; commits stay in the mirror."""
        if self.clone is not None:
            self.clone.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.socket.parent, ignore_errors=True)
