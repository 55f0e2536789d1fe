"""The demo's repository: plain files and a history in `include/demo`, made into a real git repository."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template
from pydantic import AwareDatetime, BaseModel, ConfigDict

from bridle.config.document import load
from bridle.config.starter import starter_dir
from bridle.errors import ConfigError
from bridle.workspace.git import git

NAME = "pantry"
"""The repository's key in the demo's repositories.yaml."""

CHECK = "python3 -m unittest"
"""What its check runs; the same command as in the demo's repositories.yaml."""


class _Replacement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    now: str
    then: str


class Commit(BaseModel):
    """One entry of history.yaml."""

    model_config = ConfigDict(extra="forbid")

    message: str
    author: str
    """`Name <address>`."""
    date: AwareDatetime
    """Fixed, so that commit ids are the same on every machine."""
    files: list[str]
    """Paths that appear with this commit."""
    as_it_was: dict[str, _Replacement] = {}
    """Path to the text that this commit still has in place of the final one."""


class History(BaseModel):
    """All of history.yaml."""

    model_config = ConfigDict(extra="forbid")

    commits: list[Commit]
    """Oldest first."""


@dataclass(frozen=True)
class Sample:
    """The demo's repository below one folder: a bare remote, its issues, and an allow-list that names it."""

    home: Path
    source: Path = starter_dir() / "include" / "demo"

    @property
    def remote(self) -> Path:
        """The bare repository that stands for the forge's."""
        return self.home / "remote.git"

    @property
    def issues(self) -> Path:
        """Folder of the issues, one Markdown file each."""
        return self.home / "issues"

    @property
    def pulls(self) -> Path:
        """Folder of the pull requests."""
        return self.home / "pulls"

    @property
    def allow_list(self) -> Path:
        """The repositories.yaml that names it, for `[bridle] repositories_file`."""
        return self.home / "repositories.yaml"

    @property
    def script(self) -> Path:
        """What the scripted model says."""
        return self.source / "script.yaml"

    def reset(self) -> str:
        """Lay everything out anew and return the id of the newest commit on `main`.

        Raises:
            ConfigError: the sample's files do not fit its history.
            RepositoryError: git cannot be used.
        """
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        shutil.copytree(self.source / "issues", self.issues)
        template = Template((self.source / "repositories.yaml").read_text(encoding="utf-8"))
        self.allow_list.write_text(template.render(home=self.home), encoding="utf-8")
        return self._commit_all()

    def tip(self, branch: str) -> str:
        """Id of a branch's newest commit."""
        return git("rev-parse", "--verify", f"refs/heads/{branch}", git_dir=self.remote).decode().strip()

    def _commit_all(self) -> str:
        self.remote.mkdir()
        git("init", "--quiet", "--bare", "--initial-branch=main", ".", git_dir=self.remote)
        tree = self.home / "tree"
        tree.mkdir()
        there: list[str] = []
        for commit in load(self.source / "history.yaml", History).commits:
            there += [path for path in commit.files if path not in there]
            self._write(tree, there, commit.as_it_was)
            git("add", "--all", git_dir=self.remote, work_tree=tree)
            name, _, address = commit.author.rstrip(">").partition(" <")
            who = {"NAME": name, "EMAIL": address, "DATE": commit.date.isoformat()}
            people = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
            text = ("--quiet", "--message", commit.message)
            git("commit", *text, git_dir=self.remote, work_tree=tree, env=people)
        shipped = self.source / "repository"
        if missing := {str(path.relative_to(shipped)) for path in files(shipped)} - set(there):
            raise ConfigError(
                f"{shipped.parent / 'history.yaml'}: no commit brings {', '.join(sorted(missing))}"
            )
        shutil.rmtree(tree)
        (self.remote / "index").unlink()
        return self.tip("main")

    def _write(self, tree: Path, paths: list[str], as_it_was: Mapping[str, _Replacement]) -> None:
        for path in paths:
            text = (self.source / "repository" / path).read_text(encoding="utf-8")
            if old := as_it_was.get(path):
                if text.count(old.now) != 1:
                    raise ConfigError(
                        f"{self.source / 'history.yaml'}: {path} does not contain the `now` text once"
                    )
                text = text.replace(old.now, old.then)
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text, encoding="utf-8")


def files(root: Path) -> list[Path]:
    """The sample's own files below `root`, compiled ones left out."""
    return [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
