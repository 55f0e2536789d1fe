"""OpenSpec's `openspec/changes/<id>/tasks.md`: numbered tasks in groups, each waiting for the one before."""

from dataclasses import replace
from itertools import pairwise

from bridle.spec.checkbox import tasks_of
from bridle.spec.task import Task


def parse(data: bytes) -> list[Task]:
    """The tasks, as a chain."""
    tasks = tasks_of(data)
    optional = {task.key for task in tasks if task.optional}
    work = [task for task in tasks if not task.optional and optional.issuperset(task.children)]
    before = {task.key: earlier.key for earlier, task in pairwise(work)}
    return [
        replace(task, depends=tuple(dict.fromkeys((*task.depends, before[task.key]))))
        if task.key in before
        else task
        for task in tasks
    ]
