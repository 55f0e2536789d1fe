"""A real git repository for tests: the user's, which agents must not touch."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bridle.config.repositories import Repositories, Repository

_ENV = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "User",
    "GIT_AUTHOR_EMAIL": "user@example.org",
    "GIT_COMMITTER_NAME": "User",
    "GIT_COMMITTER_EMAIL": "user@example.org",
    "HOME": "/nonexistent",
}


class GitRepository:
    """A folder with an ordinary, non-bare git repository on branch `main`."""

    def __init__(self, path: Path, files: Mapping[str, str | bytes] | None = None) -> None:
        """
        Args:
            path: made when it is missing.
            files: path to content of a first commit; None: no commit.
        """
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        if files is not None:
            self.commit(files)

    def git(self, *arguments: str) -> str:
        """Run the user's git in the repository."""
        return plain_git(self.path, *arguments)

    def commit(self, files: Mapping[str, str | bytes], message: str = "a change") -> str:
        """Write `files` and commit them; returns the sha."""
        for name, content in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def configured(self, name: str = "demo/sample", **settings: object) -> Repository:
        """This repository as repositories.yaml would have it, with the local forge beside it."""
        entry = {
            "forge": "local",
            "url": self.path.as_uri(),
            "issues": self.path.parent / "issues",
            "checks": {"test": "true"},
            **settings,
        }
        return Repositories.model_validate({"repositories": {name: entry}}).get(name)


def plain_git(folder: Path, *arguments: str) -> str:
    """Run git in `folder` as a user or an agent would, whatever configuration is there.

    Raises:
        RuntimeError: git said no; the message has its words.
    """
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **_ENV},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments)} in {folder}: {done.stderr.strip()}")
    return done.stdout
