"""The folder that one session works in: a clone, or an empty one where there is no repository."""

import logging
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from bridle.agents.base import Access
from bridle.harness.bench import Bench
from bridle.harness.template import uncalled
from bridle.process.sandbox import Sandbox
from bridle.workspace.clone import Clone
from bridle.workspace.lease import held
from bridle.workspace.leftovers import socket_folder, sweep_host
from bridle.workspace.removal import clear

log = logging.getLogger(__name__)


@dataclass
class Desk:
    """Where a session works; closing it removes everything from this host."""

    bench: Bench
    folder: Path
    tree: Path
    """The work tree."""
    clone: Clone | None
    lease: ExitStack = field(default_factory=ExitStack)
    """Tells the sweeper that somebody works here; a clone has one of its own."""

    @classmethod
    def lay(cls, bench: Bench, session_id: str, *, base: str, start: str | None) -> Self:
        """Make the folder; first of all, remove those of sessions that were killed on this host.

        Args:
            bench: of the step.
            session_id: names the folder.
            base: commit that the work starts from; empty without a repository.
            start: a checkpoint whose files to go on with.

        Raises:
            RepositoryError: a commit cannot be had.
        """
        sweep_host(bench.step.settings.home)
        if bench.repository is not None and base:
            clone = bench.workspace.open(bench.repository, base, session_id, start=start)
            return cls(bench, clone.folder, clone.path, clone)
        folder = bench.step.settings.home / "sessions" / session_id
        tree = folder / "tree"
        tree.mkdir(parents=True)
        lease = ExitStack()
        lease.enter_context(held(folder))
        return cls(bench, folder, tree, None, lease)

    @property
    def home(self) -> Path:
        """The session's private HOME."""
        return self.folder / "home"

    @cached_property
    def socket(self) -> Path:
        """The gateway's Unix socket, for a sandbox without network."""
        folder = socket_folder(self.folder.name)
        folder.mkdir()
        folder.chmod(0o755)
        return folder / "gateway"

    def sandbox(self) -> Sandbox:
        """What the session may touch."""
        readable = self.clone.readable if self.clone else ()
        return self.bench.sandbox(writable=(self.tree, self.home), readable=(*readable, self.socket))

    def deliver(self, summary: str, *, access: Access) -> tuple[str | None, str | None]:
        """Commit what a write session did; throw away, and report, what a read session has changed.

        Args:
            summary: its first 72 characters are the commit's subject.
            access: of the session.

        Returns:
            The commit and its diff; None and None when nothing changed.
        """
        if self.clone is None:
            return None, None
        if access != "write":
            thrown_away = self.clone.discard()
            if thrown_away.files:
                log.warning("a read-only session changed %s; thrown away", thrown_away)
            return None, None
        redactor = self.bench.step.ledger.redactor
        subject = redactor.text(" ".join(summary.split()))[:72] or "Work of an agent"
        commit = self.clone.commit(f"{uncalled(subject)}\n\nBridle-Session: {self.folder.name}")
        for path in self.clone.left_out:
            log.warning("%s is not in the commit: %s", path.path, path.why)
        if commit is None:
            log.info("no commit: nothing changed")
            return None, None
        patch = self.clone.diff()
        log.info("commit %s: %s", commit, patch.stat)
        return commit, patch.text

    def close(self) -> None:
        """Remove the folder; commits stay in the mirror."""
        # first: the sweeper finds it by the other's name
        shutil.rmtree(socket_folder(self.folder.name), ignore_errors=True)
        if self.clone is not None:
            self.clone.close()
        else:
            clear(self.folder)
        self.lease.close()
