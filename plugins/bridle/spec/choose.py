"""Which tasks come next: decided by rule, without a model."""

from collections.abc import Collection

from bridle.spec.spec import Spec
from bridle.spec.task import Task


def ready(spec: Spec, *, without: Collection[str] = (), optional: bool = False) -> list[Task]:
    """Open tasks whose dependencies are done, in the order in which they are to be worked on.

    Args:
        spec: the file.
        without: keys that are not to be worked on: blocked, or claimed by somebody.
        optional: whether tasks that the file calls optional count.
    """
    return [
        task
        for task in spec.tasks
        if not (task.done or task.held or spec.parts(task) or task.key in without)
        and (optional or not task.optional)
        and all(spec.is_done(key) or key not in spec.by_key for key in task.depends)
    ]


def next_tasks(
    spec: Spec, *, at_most: int = 1, without: Collection[str] = (), optional: bool = False
) -> list[Task]:
    """The task to work on next, with those that may be worked on beside it.

    Neighbours that are marked parallel in the same section go together, as long as no two of them name the
    same file.

    Args:
        spec: the file.
        at_most: how many may go together.
        without: see `ready`.
        optional: see `ready`.
    """
    batch: list[Task] = []
    for task in ready(spec, without=without, optional=optional):
        if batch and not (
            batch[0].parallel
            and task.parallel
            and task.section == batch[0].section
            and all(task.paths.isdisjoint(other.paths) for other in batch)
        ):
            break
        batch.append(task)
        if len(batch) == at_most:
            break
    return batch
