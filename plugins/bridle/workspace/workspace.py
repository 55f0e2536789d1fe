"""The folder of a host in which sessions work."""

import re
from collections.abc import Callable
from pathlib import Path

from bridle.config.repositories import Repository
from bridle.errors import RepositoryError
from bridle.workspace.carrier import Carrier
from bridle.workspace.clone import Clone
from bridle.workspace.mirror import SESSIONS, Mirror
from bridle.workspace.remote import Remote
from bridle.workspace.snapshot import Caps

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class Workspace:
    """Mirrors and clones below one root; safe to share between processes of a host."""

    def __init__(
        self,
        root: Path,
        carrier: Carrier,
        *,
        remote: Callable[[Repository], Remote] = Remote.of,
        caps: Caps | None = None,
    ) -> None:
        """
        Args:
            root: folder of this host; made when it is missing.
            carrier: brings commits that other hosts made, and takes ours there.
            remote: where repositories are fetched from; asked when something is fetched.
            caps: what may become part of a commit.
        """
        self.root = root.absolute()
        self.carrier = carrier
        self.remote = remote
        self.caps = caps or Caps()

    def mirror(self, repository: Repository) -> Mirror:
        """This host's copy of `repository`; nothing is fetched yet."""
        return Mirror(self.root, repository, self.remote)

    def open(self, repository: Repository, base: str, session_id: str, *, start: str | None = None) -> Clone:
        """Make a clone for one session.

        Args:
            repository: which one.
            base: full sha that the work starts from; brought by the carrier when this host lacks it.
            session_id: letters, digits, `-` and `_`; names folder and refs.
            start: a checkpoint to go on from: the files are as it has them, while `base` stays HEAD and the
                parent of what will be committed.

        Raises:
            RepositoryError: a commit is nowhere to be had, or the session has a clone already.
        """
        if not _SESSION_ID.fullmatch(session_id):
            raise RepositoryError(f"{session_id!r} is no session id; use letters, digits, `-` and `_`")
        mirror = self.mirror(repository)
        for commit in (base, *([start] if start else [])):
            if not mirror.has(commit):
                self.carrier.fetch(mirror, commit)
        folder = self.root / "sessions" / session_id
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise RepositoryError(
                f"session {session_id} has a clone at {folder} already; use a new session id"
            ) from None
        mirror.keep(f"{SESSIONS}{session_id}/base", base)
        clone = Clone(
            folder,
            mirror,
            self.carrier,
            session_id=session_id,
            base=base,
            start=start or base,
            caps=self.caps,
        )
        try:
            clone.lay_out()
        except BaseException:
            clone.close()
            raise
        return clone
