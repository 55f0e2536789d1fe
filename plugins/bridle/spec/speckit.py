"""Spec Kit's `specs/NNN-name/tasks.md`: phases, `[P]` for parallel, `[US1]` for the user story.

`- [ ] T012 [P] [US1] Create User model in src/models/user.py (depends on T004)`
"""

import re
from dataclasses import replace

from bridle.spec.checkbox import tasks_of
from bridle.spec.task import Task

_STORY = re.compile(r"\[(US\d+)\]\s*")


def parse(data: bytes) -> list[Task]:
    """The tasks, in the order of the file.

    A task waits for what it names, and for every earlier phase; work on one user story does not wait for
    another story.
    """
    tasks = tasks_of(data, ticked=b"X")
    stories = {task.key: story[1] if (story := _STORY.search(task.title)) else "" for task in tasks}
    placed: list[Task] = []
    for task in tasks:
        own = stories[task.key]
        before = [
            other.key
            for other in placed
            if other.section != task.section
            and not (own and stories[other.key] and stories[other.key] != own)
        ]
        placed.append(
            replace(
                task,
                title=_STORY.sub("", task.title).strip() or task.title,
                depends=tuple(dict.fromkeys((*task.depends, *before))),
            )
        )
    return placed
