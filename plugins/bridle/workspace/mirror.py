"""The one copy of a repository that a host keeps; every clone on the host borrows its objects."""

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from bridle.config.repositories import Repository
from bridle.errors import RepositoryError
from bridle.workspace.git import git, run
from bridle.workspace.lock import locked
from bridle.workspace.patch import Patch, read_patch
from bridle.workspace.remote import Remote

FETCH_SECONDS = 600.0
"""Longest fetch, push or look at a remote; and longest wait for another one of them."""

STALE_SECONDS = 60.0
"""How old the lock of a single ref is when whoever took it is dead: git holds one for milliseconds."""

SESSIONS = "refs/bridle/sessions/"
"""Refs of sessions: `<session id>/base`, `/checkpoint`, `/commit`."""

ATTRIBUTES = (
    "* -text !eol !crlf !ident !working-tree-encoding !filter !diff !merge !whitespace "
    "!export-ignore !export-subst\n"
)
"""Beats every .gitattributes: files are committed byte for byte, and no attribute hides a change."""

JUNK = """\
__pycache__/
*.py[cod]
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
.tox/
.venv/
*.egg-info/
node_modules/
.DS_Store
"""
"""What tools leave behind and nobody commits, for repositories whose own .gitignore forgets it."""

_SHA = re.compile(r"[0-9a-f]{40}")


class Mirror:
    """A bare repository below `root`, out of the reach of sessions.

    Fetched branches and tags have their own names in it; what Bridle makes is under `refs/bridle/`.
    """

    def __init__(
        self, root: Path, repository: Repository, remote: Callable[[Repository], Remote] = Remote.of
    ) -> None:
        """
        Args:
            root: the workspace's root on this host.
            repository: which one; its name decides the folder.
            remote: where to fetch from and push to; default: the repository's `url`, without a token.
                Asked once, when it is needed.
        """
        slug = re.sub(r"[^A-Za-z0-9]+", "-", repository.name).strip("-")[:60]
        digest = hashlib.sha256(repository.name.encode()).hexdigest()[:10]
        self.name = repository.name
        self.path = root / "mirrors" / f"{slug}-{digest}.git"
        self._repository = repository
        self._find_remote = remote

    @cached_property
    def remote(self) -> Remote:
        """Where commits come from and go to."""
        return self._find_remote(self._repository)

    @property
    def _lock_file(self) -> Path:
        self._create()
        return self.path.with_suffix(".lock")

    @property
    def objects(self) -> Path:
        """Folder that clones borrow from; a session reads it and never writes it."""
        return self.path / "objects"

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git in the mirror."""
        self._create()
        return git(*arguments, git_dir=self.path, stdin=stdin)

    def fetch(self, *, wait_seconds: float = FETCH_SECONDS) -> None:
        """Bring branches and tags up to date, one fetch at a time per host.

        Raises:
            CredentialError: the remote refused the token; the message names the connection.
            ForgeDown: no answer, or another fetch took longer than `wait_seconds`; worth a retry.
            RepositoryError: there is no such repository.
        """
        with locked(self._lock_file, wait_seconds=wait_seconds) as lock:
            self._remove_stale_locks()
            done = run(
                "fetch",
                "--quiet",
                "--prune",
                "--force",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--update-head-ok",
                self.remote.url,
                "+refs/heads/*:refs/heads/*",
                "+refs/tags/*:refs/tags/*",
                git_dir=self.path,
                settings=self.remote.settings,
                timeout_seconds=FETCH_SECONDS,
                keep_open=(lock,),
            )
        if done.exit_code != 0:
            raise self.remote.failure(done, "fetching from")

    def resolve(self, ref: str) -> str:
        """The commit that a branch, a tag or a full sha stands for.

        Raises:
            RepositoryError: nothing of that name; the message lists the branches there are.
        """
        names = [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        if _SHA.fullmatch(ref):
            names = [ref]
        for name in names:
            found = self._commit(name)
            if found is not None:
                return found
        branches = self.git("for-each-ref", "--format=%(refname:lstrip=2)", "--count=12", "refs/heads/")
        known = ", ".join(branches.decode("utf-8", "replace").split())
        if not known:
            raise RepositoryError(
                f"repository {self.name} has no commits at {self.remote.url}; push one first"
            )
        raise RepositoryError(
            f"repository {self.name} has no branch, tag or commit {ref!r}; branches: {known}. Name one of "
            "them, or set `base` in repositories.yaml"
        )

    def has(self, sha: str) -> bool:
        """Whether the commit is here."""
        return _SHA.fullmatch(sha) is not None and self._commit(sha) is not None

    def keep(self, ref: str, sha: str) -> None:
        """Point `ref` (below refs/bridle/) at `sha`, so that it survives garbage collection."""
        stale = self.path / f"{ref}.lock"
        with contextlib.suppress(FileNotFoundError):
            if time.time() - stale.stat().st_mtime > STALE_SECONDS:
                stale.unlink()
        self.git("update-ref", ref, sha)

    def diff(self, base: str, head: str) -> Patch:
        """What changed between two commits."""
        return read_patch(self.path, base, head)

    def collect(self, *, older_than_days: float = 14, loose_objects: int = 6700) -> None:
        """Drop Bridle's refs to old commits, then pack what is left when that is worth it.

        Objects that no ref needs any more go two weeks later; live clones are not disturbed.

        Args:
            older_than_days: what an old commit is.
            loose_objects: how many files of one object each make packing worth it; about, as git estimates.
        """
        # the harness' own settings switch it off, for all other commands
        worth_it = {"gc.auto": str(loose_objects), "gc.autoDetach": "false"}
        oldest = time.time() - older_than_days * 86400
        with locked(self._lock_file, wait_seconds=FETCH_SECONDS) as lock:
            self._remove_stale_locks()
            listed = self.git("for-each-ref", "--format=%(committerdate:unix) %(refname)", "refs/bridle/")
            old = [ref for date, ref in map(bytes.split, listed.splitlines()) if int(date) < oldest]
            gone = b"".join(b"delete %b\n" % ref for ref in old)
            git("update-ref", "--stdin", git_dir=self.path, stdin=gone, keep_open=(lock,))
            git("gc", "--auto", "--quiet", git_dir=self.path, settings=worth_it, keep_open=(lock,))

    def _commit(self, name: str) -> str | None:
        self._create()
        done = run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", git_dir=self.path
        )
        return done.output.decode().strip() if done.exit_code == 0 else None

    def _create(self) -> None:
        """Make the mirror, once; two processes may try at the same time."""
        if self.path.is_dir():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
        # 0644: sessions under another user read the objects
        for arguments in (
            ("init", "--quiet", "--bare", "--template=", "--shared=0644"),
            ("config", "core.logAllRefUpdates", "false"),
        ):
            fresh.mkdir(exist_ok=True)
            git(*arguments, git_dir=fresh)
        (fresh / "info").mkdir(exist_ok=True)
        (fresh / "info" / "attributes").write_text(ATTRIBUTES)
        (fresh / "info" / "exclude").write_text(JUNK)
        with contextlib.suppress(OSError):  # the other process was first
            fresh.rename(self.path)
        shutil.rmtree(fresh, ignore_errors=True)
        if not self.path.is_dir():
            raise RepositoryError(f"cannot make the mirror {self.path}; check the folder's permissions")

    def _remove_stale_locks(self) -> None:
        """Remove what a killed git left; whoever holds our lock knows that no other git is writing these."""
        for place in ("refs/heads", "refs/tags", "objects/info"):
            for stale in (self.path / place).rglob("*.lock"):
                stale.unlink(missing_ok=True)
        # .new: what packed-refs was to become; where it is, git makes no other
        for name in ("packed-refs.lock", "packed-refs.new", "shallow.lock", "HEAD.lock", "config.lock"):
            (self.path / name).unlink(missing_ok=True)
