"""A spec that is worked on: its file, its branch, and its newest version whatever people do meanwhile."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.config.repositories import Repository
from bridle.errors import RepositoryError, SpecError
from bridle.harness.bench import Bench
from bridle.spec.carry import carry_ticks
from bridle.spec.spec import Spec
from bridle.spec.task import digest_of
from bridle.workspace.files import commit_with, common_ancestor, read_file
from bridle.workspace.merge import Conflict, merge

SPECS = "spec:"
"""What the claims of specs begin with."""


@dataclass(frozen=True)
class Routine:
    """One spec file of one repository, and how it is to be worked on."""

    repository: Repository
    path: str
    format: str | None = None
    """None: found out."""
    target: str = ""
    """Branch that the work is for; empty: the repository's default."""
    attempts: int = 2
    """Failed attempts after which a task is blocked."""
    hold: bool = False
    """Whether a blocked task holds the rest; else it is passed over."""

    @property
    def name(self) -> str:
        """The spec's name in the ledger: `<repository>:<path>`, and `@<branch>` for another than the base."""
        return f"{self.repository.name}:{self.path}{self._elsewhere}"

    @property
    def _elsewhere(self) -> str:
        """What keeps work for another branch than the default one apart."""
        return f"@{self.target}" if self.target not in ("", self.repository.base) else ""

    @property
    def branch(self) -> str:
        """The one branch that all of its tasks go to."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.path.rpartition(".")[0].casefold()).strip("-")[-40:].strip("-")
        return f"bridle/spec-{slug}-{digest_of(f'{self.path}{self._elsewhere}'.encode())[:4]}"

    @property
    def lease(self) -> str:
        """The claim that a run holds while it works on it."""
        return f"{SPECS}{self.name}"


@dataclass(frozen=True)
class Newest:
    """A spec as it is now."""

    head: str
    """Commit with everything: the spec's branch, and what the target branch has got since."""
    onto: str | None
    """Where the spec's branch is; None: not there yet."""
    spec: Spec


def newest(bench: Bench, routine: Routine) -> Newest:
    """The newest version of everything; work starts from it, and is put on top of it.

    What people did on the target branch is merged. Where they edited lines that Bridle ticked, their text
    stays and the marks are set in it.

    Raises:
        RepositoryError: there is no such branch, or the two branches conflict elsewhere.
        SpecError: there is no such file.
    """
    mirror = bench.mirror
    mirror.fetch()
    target = mirror.resolve(routine.target or routine.repository.base)
    listed = mirror.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{routine.branch}")
    onto = listed.decode().strip() or None
    head = target if onto is None else _joined(bench, routine, onto, target)
    data = read_file(mirror, head, routine.path)
    if data is None:
        raise SpecError(
            f"repository {routine.repository.name} has no {routine.path} at {head[:10]} "
            f"({routine.target or routine.repository.base}); commit the spec there first"
        )
    return Newest(head, onto, Spec.read(routine.path, data, routine.format))


def _joined(bench: Bench, routine: Routine, onto: str, target: str) -> str:
    mirror = bench.mirror
    ancestor = common_ancestor(mirror, onto, target)
    if ancestor == target:
        return onto
    if ancestor == onto:
        return target

    def resolve(conflict: Conflict) -> str | None:
        if conflict.files != (routine.path,) or ancestor is None:
            return None
        old, ours, theirs = (read_file(mirror, commit, routine.path) for commit in (ancestor, onto, target))
        if old is None or ours is None or theirs is None:
            return None
        content = carry_ticks(Spec.read(routine.path, old, routine.format), ours, theirs)
        if content is None:
            return None
        return commit_with(
            mirror, conflict.draft, routine.path, content, parent=conflict.draft, message="Marks carried over"
        )

    name = routine.target or routine.repository.base
    done = merge(
        mirror, bench.workspace.carrier, onto, [target], message=lambda _: f"Merge {name}", resolve=resolve
    )
    if done.conflicts:
        files = ", ".join(done.conflicts[0].files)
        raise RepositoryError(
            f"branch {routine.branch} of {routine.repository.name} conflicts with {name} in {files}: merge "
            f"{name} into it by hand, or delete the branch when its pull request is closed"
        )
    return done.commit


@dataclass(frozen=True)
class Picked:
    """What the picking step hands on."""

    tasks: tuple[str, ...]
    """Keys, in order; empty: nothing to do."""
    commit: str

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> "Picked":
        """Out of XCom; None, of a step that did not run, is nothing."""
        return cls(tuple(value["tasks"]), value["commit"]) if value else cls((), "")


def spec_at(bench: Bench, routine: Routine, commit: str) -> Spec:
    """The spec as a commit has it."""
    data = read_file(bench.mirror, bench.resolve(commit), routine.path)
    if data is None:
        raise SpecError(f"{routine.name} is not in commit {commit[:10]}")
    return Spec.read(routine.path, data, routine.format)
