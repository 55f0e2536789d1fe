"""A spec file in one of its versions: its tasks, and how to set one mark."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Self

from bridle.errors import SpecChanged, SpecError
from bridle.spec import checkbox, kiro, openspec, prd_json, speckit
from bridle.spec.task import Task, digest_of

FORMATS: Mapping[str, Callable[[bytes], list[Task]]] = {
    "checkbox": checkbox.parse,
    "speckit": speckit.parse,
    "kiro": kiro.parse,
    "openspec": openspec.parse,
    "prd_json": prd_json.parse,
}
"""Format to the function that reads it."""


@dataclass(frozen=True)
class Spec:
    """One version of a spec file."""

    path: str
    """Inside the repository."""
    data: bytes
    format: str
    tasks: tuple[Task, ...]
    """In the order in which they are to be done."""

    @classmethod
    def read(cls, path: str, data: bytes, format: str | None = None) -> Self:
        """Read a spec file.

        Args:
            path: where it is in the repository; tells the format where the content does not.
            data: its content.
            format: one of `FORMATS`; None: found out.

        Raises:
            SpecError: an unknown format, or a prd.json that cannot be read.
        """
        name = format or detect(path, data)
        if name not in FORMATS:
            raise SpecError(f"{path}: unknown spec format {name!r}; there are: {', '.join(FORMATS)}")
        return cls(path, data, name, tuple(FORMATS[name](data)))

    @cached_property
    def by_key(self) -> dict[str, Task]:
        """Key to task."""
        return {task.key: task for task in self.tasks}

    def parts(self, task: Task) -> list[str]:
        """The tasks below one that it stands for; with none but optional ones below it, it is work itself."""
        return [child for child in task.children if not self.by_key[child].optional]

    def above(self, task: Task) -> list[Task]:
        """The tasks that one is nested in, the outermost first."""
        parent = next((other for other in self.tasks if task.key in other.children), None)
        return [] if parent is None else [*self.above(parent), parent]

    def completes(self, task: Task) -> list[Task]:
        """The tasks above an open one that are done with it, the innermost first."""
        found: list[Task] = []
        for parent in reversed(self.above(task)):
            below = found[-1] if found else task
            if not all(self.is_done(key) for key in self.parts(parent) if key != below.key):
                break
            found.append(parent)
        return found

    def commands(self, task: Task) -> tuple[str, ...]:
        """What a task names as its acceptance, and what those name that are done with it."""
        named = (command for one in (task, *self.completes(task)) for command in one.commands)
        return tuple(dict.fromkeys(named))

    def is_done(self, key: str) -> bool:
        """Whether a task is done; one with tasks below it is when all but the optional ones are."""
        task = self.by_key.get(key)
        if task is None:
            return False
        needed = self.parts(task)
        return task.done or (bool(needed) and all(map(self.is_done, needed)))

    def tick(self, task: Task) -> bytes:
        """The file with the mark of `task` set, and the marks above it that this completes.

        Nothing else changes by a byte. A task that somebody ticked meanwhile is left alone.

        Args:
            task: as an earlier version of the file had it.

        Raises:
            SpecChanged: it is gone, or says something else by now.
        """
        found = self.by_key.get(task.key)
        if found is None:
            raise SpecChanged(f"{self.path}: task {task.key} ({task.title}) is not there any more")
        if found.wording != task.wording:
            raise SpecChanged(
                f"{self.path}:{found.line}: task {task.key} was changed while it was worked on; it said "
                f"{task.title!r} and says {found.title!r}"
            )
        if found.done:
            return self.data
        return self._with_parents(tick(self.data, found), task.key)

    def _with_parents(self, data: bytes, key: str) -> bytes:
        after = Spec.read(self.path, data, self.format)
        for parent in after.tasks:
            if key in parent.children and not (parent.done or parent.held) and after.is_done(parent.key):
                return after._with_parents(tick(data, parent), parent.key)
        return data


def tick(data: bytes, task: Task) -> bytes:
    """`data` with the mark of `task` set: compare and swap on the hash of its line.

    Args:
        data: the file, in the version that `task` was read from.
        task: an open one.

    Raises:
        SpecChanged: these bytes are not what was read.
    """
    if digest_of(data[task.start : task.end]) != task.digest:
        raise SpecChanged(f"line {task.line} is not what it was when task {task.key} was read; read it again")
    if task.done:
        return data
    first, after = task.mark
    return data[:first] + task.ticked + data[after:]


def detect(path: str, data: bytes) -> str:
    """The format of a spec file, by its place in the repository, else by what is in it."""
    parts = PurePosixPath(path).parts
    if path.endswith(".json"):
        return "prd_json"
    if ".kiro" in parts:
        return "kiro"
    if "openspec" in parts:
        return "openspec"
    tasks = checkbox.parse(data)
    if any(task.key[:1] == "T" and task.key[1:4].isdigit() for task in tasks):
        return "speckit"
    if any(task.optional or "_Requirements:" in task.details for task in tasks):
        return "kiro"
    return "checkbox"
