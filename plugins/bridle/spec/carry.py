"""Marks that were set on one version of a file, carried over to what people made of it meanwhile."""

from bridle.errors import SpecChanged
from bridle.spec.spec import Spec


def carry_ticks(old: Spec, ticked: bytes, people: bytes) -> bytes | None:
    """`people`'s version, with the marks that `ticked` has more than `old`.

    A task that people have changed or deleted meanwhile is not ticked.

    Args:
        old: the version that both come from.
        ticked: the version with the marks.
        people: the version that people wrote.

    Returns:
        The content; None when `ticked` differs from `old` by more than marks.
    """
    after = Spec.read(old.path, ticked, old.format).by_key
    done = [task for task in old.tasks if not task.done and task.key in after and after[task.key].done]
    replayed, result = old, Spec.read(old.path, people, old.format)
    for task in done:
        replayed = Spec.read(old.path, replayed.tick(task), old.format)
        try:
            result = Spec.read(old.path, result.tick(task), old.format)
        except SpecChanged:
            continue
    return result.data if replayed.data == ticked else None
