"""Kiro's `.kiro/specs/<name>/tasks.md`: numbered tasks with sub-tasks, `[ ]*` for optional ones."""

import re
from dataclasses import replace

from bridle.spec.checkbox import tasks_of
from bridle.spec.task import Task

_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def parse(data: bytes) -> list[Task]:
    """The tasks by their numbers; a task with sub-tasks is done when they are."""
    tasks = tasks_of(data, sort=_order)
    # sub-tasks are nested in some files, and known by nothing but their numbers in others
    return [
        task
        if task.children
        else replace(task, children=tuple(other.key for other in tasks if _is_below(other.key, task.key)))
        for task in tasks
    ]


def _is_below(key: str, above: str) -> bool:
    return key.rpartition(".")[0] == above


def _order(task: Task) -> tuple[tuple[int, ...], int]:
    number = _NUMBER.match(task.key)
    return tuple(int(part) for part in number[0].split(".")) if number else (10**9,), task.line
