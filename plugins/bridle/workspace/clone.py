"""The clone that one session works in."""

import shutil
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from bridle.errors import RepositoryError
from bridle.workspace.carrier import Carrier
from bridle.workspace.git import git
from bridle.workspace.lease import held
from bridle.workspace.mirror import SESSIONS, Mirror
from bridle.workspace.patch import DiffStat, Patch, read_patch
from bridle.workspace.removal import clear, remove
from bridle.workspace.snapshot import Caps, Checkout, LeftOut, Snapshot, take_snapshot

AUTHOR = {
    "GIT_AUTHOR_NAME": "Bridle",
    "GIT_AUTHOR_EMAIL": "bridle@localhost",
    "GIT_COMMITTER_NAME": "Bridle",
    "GIT_COMMITTER_EMAIL": "bridle@localhost",
}
"""Who commits."""

_AGENT_CONFIG = """\
[core]
	repositoryformatversion = 0
	fileMode = true
	bare = false
[user]
	name = Agent
	email = agent@localhost
[gc]
	auto = 0
"""


class Clone:
    """A work tree with a `.git` for the agent; made by `Workspace.open`.

    The agent may do with both what it likes, commit, reset or destroy the `.git` included: the harness keeps
    its account elsewhere, and what it commits is the content of the files.
    """

    def __init__(
        self,
        folder: Path,
        mirror: Mirror,
        carrier: Carrier,
        *,
        session_id: str,
        base: str,
        start: str,
        caps: Caps,
    ) -> None:
        self.folder = folder
        """The session's folder on this host; `path` is below it."""
        self.path = folder / "tree"
        """The work tree: all that a session must be able to write."""
        self.session_id = session_id
        self.base = base
        """Commit that the work starts from; parent of the first commit."""
        self.left_out: tuple[LeftOut, ...] = ()
        """What the last checkpoint, commit or diff did not take in, and why."""
        self._mirror = mirror
        self._carrier = carrier
        self._caps = caps
        self._head = base
        self._checkpoint = start
        self._lock = threading.RLock()
        self._alive = ExitStack()  # tells `Workspace.sweep` that somebody works here
        self._alive.enter_context(held(folder))
        self._checkout = Checkout(mirror.path, self.path, folder / "index")

    @property
    def writable(self) -> tuple[Path, ...]:
        """Paths that a session under another user, or in a sandbox, must be able to write."""
        return (self.path,)

    @property
    def readable(self) -> tuple[Path, ...]:
        """Further paths that it must be able to read, and the folders above them to enter."""
        return (self._mirror.objects,)

    def lay_out(self) -> None:
        """Write the files, and a `.git` whose HEAD is `base`; done by `Workspace.open`.

        Raises:
            RepositoryError: a commit is not there.
        """
        self.path.mkdir(parents=True)
        self._checkout.git("read-tree", "--reset", "-u", self.base)
        own = self.path / ".git"
        (own / "objects" / "info").mkdir(parents=True)
        (own / "objects" / "info" / "alternates").write_text(f"{self._mirror.objects.absolute()}\n")
        (own / "refs" / "heads").mkdir(parents=True)
        (own / "refs" / "heads" / "work").write_text(f"{self.base}\n")
        (own / "HEAD").write_text("ref: refs/heads/work\n")
        (own / "config").write_text(_AGENT_CONFIG)
        shutil.copyfile(self._checkout.index, own / "index")
        if self._checkpoint != self.base:
            self._checkout.git("read-tree", "--reset", "-u", self._checkpoint)

    def changed(self) -> bool:
        """Whether the files differ from `base`, or from this session's last commit."""
        with self._lock:
            return self._snapshot().tree != self._tree_of(self._head)

    def checkpoint(self, ref: str = "") -> str | None:
        """Commit the files as they are, for resuming; neither the agent's index nor its branch is touched.

        Args:
            ref: below `refs/bridle/`; default: the session's own.

        Returns:
            The commit, already carried; None when nothing changed since the last checkpoint.

        Raises:
            PolicyViolation: more was changed than the caps allow.
        """
        with self._lock:
            tree = self._snapshot().tree
            if tree == self._tree_of(self._checkpoint):
                return None
            previous = self._checkpoint
            sha = self._commit_tree(tree, previous, f"Checkpoint of session {self.session_id}")
            self._mirror.keep(ref or f"{SESSIONS}{self.session_id}/checkpoint", sha)
            self._carrier.put(self._mirror, sha, previous)
            self._checkpoint = sha
            return sha

    def commit(self, message: str) -> str | None:
        """Commit the files as they are, on top of `base` or of this session's last commit.

        Returns:
            The commit, already carried; None when nothing changed.

        Raises:
            PolicyViolation: more was changed than the caps allow.
        """
        with self._lock:
            tree = self._snapshot().tree
            if tree == self._tree_of(self._head):
                return None
            previous = self._head
            sha = self._commit_tree(tree, previous, message)
            self._mirror.keep(f"{SESSIONS}{self.session_id}/commit", sha)
            self._carrier.put(self._mirror, sha, previous)
            self._head = sha
            return sha

    def diff(self, base: str | None = None) -> Patch:
        """The change from `base` (default: the session's base) to the files as they are."""
        with self._lock:
            return read_patch(self._mirror.path, base or self.base, self._snapshot().tree)

    def discard(self) -> DiffStat:
        """Put the files back to `base`; returns what was thrown away."""
        with self._lock:
            thrown_away = self.diff().stat
            remove(self.path)
            self._checkpoint = self._head = self.base
            self.lay_out()
            return thrown_away

    def close(self) -> None:
        """Remove the clone from this host; its commits stay in the mirror. May be called twice."""
        with self._lock:
            clear(self.folder)
            self._alive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _snapshot(self) -> Snapshot:
        if self.path.is_symlink() or not self.path.is_dir():
            raise RepositoryError(f"the work tree {self.path} is gone; run the step again")
        snapshot = take_snapshot(self._checkout, self._caps)
        self.left_out = snapshot.left_out
        return snapshot

    def _tree_of(self, commit: str) -> str:
        return self._mirror.git("rev-parse", f"{commit}^{{tree}}").decode().strip()

    def _commit_tree(self, tree: str, parent: str, message: str) -> str:
        done = git(
            "commit-tree",
            tree,
            "-p",
            parent,
            "-F",
            "-",
            git_dir=self._mirror.path,
            stdin=message.strip().encode() + b"\n",
            env=AUTHOR,
        )
        return done.decode().strip()
