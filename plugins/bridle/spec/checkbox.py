"""A plain list of check boxes: PLAN.md, TODO.md, the body of an issue. Its order is the order of the file."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from bridle.spec.task import Task, digest_of, key_of
from bridle.spec.text import Box, boxes

ID = re.compile(
    r"[*`]*(?P<id>[A-Z][A-Z0-9]*-\d+|T\d{2,}[a-z]?|\d+(?:\.\d+)+|\d+(?=[.):]))[*`]*[.):]*\s+(?P<rest>\S.*)"
)
"""A title that begins with an id: `T012 …`, `1.2 …`, `3. …`, `ABC-7: …`."""

_DONE = {"x", "X", "✓", "✔", "✅", "☑"}
_DEPENDS = re.compile(
    r"[(\[]\s*(?:depends on|after|needs|blocked by)[:\s]+(?P<keys>[^)\]]+)[)\]]", re.IGNORECASE
)
_PARALLEL = re.compile(r"\[P\]\s*")
_COMMAND = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]*(?:acceptance|check|verify|test)[*_]*\s*:[*_]*\s*(?P<ticks>`+)(?P<command>.+?)(?P=ticks)\s*$",
    re.IGNORECASE | re.MULTILINE,
)


def parse(data: bytes) -> list[Task]:
    """The tasks of a check box list, in the order in which they are to be done."""
    return tasks_of(data)


def tasks_of(
    data: bytes, *, ticked: bytes = b"x", sort: Callable[[Task], object] | None = None
) -> list[Task]:
    """Check boxes as tasks; other formats build on it.

    Args:
        data: the file.
        ticked: what a done mark is in this format.
        sort: key to order tasks by; default: the file's order, nested tasks before the one above them.
    """
    found = boxes(data)
    tasks = [_task(data, box, ticked) for box in found]
    keys = _unique([task.key for task in tasks], tasks)
    at_line = {box.number: key for box, key in zip(found, keys, strict=True)}
    done = []
    for box, task, key in zip(found, tasks, keys, strict=True):
        children = tuple(at_line[child.number] for child in found if child.parent == box.number)
        done.append(replace(task, key=key, children=children))
    if sort is not None:
        done.sort(key=sort)  # type: ignore[arg-type]
    return done


def commands_in(details: str) -> tuple[str, ...]:
    """Commands that a task names as its acceptance: lines like ``- Acceptance: `make test` ``."""
    return tuple(match["command"].strip() for match in _COMMAND.finditer(details))


def depends_in(text: str) -> tuple[str, ...]:
    """Keys in `(depends on T012, T013)`."""
    named = [found["keys"] for found in _DEPENDS.finditer(text)]
    return tuple(
        key.strip("`* ") for keys in named for key in re.split(r",|\band\b|\s&\s", keys) if key.strip("`* ")
    )


def _task(data: bytes, box: Box, ticked: bytes) -> Task:
    found = ID.fullmatch(box.title)
    parallel = bool(_PARALLEL.search(box.title))
    title = _PARALLEL.sub("", found["rest"] if found else box.title).strip()
    return Task(
        key=found["id"] if found else key_of(title),
        title=title or box.title,
        details=box.details,
        done=box.state in _DONE,
        held=box.state not in _DONE and bool(box.state.strip()),
        optional=box.star,
        start=box.start,
        end=box.end,
        mark=box.mark,
        ticked=ticked,
        digest=digest_of(data[box.start : box.end]),
        line=box.number,
        depends=depends_in(f"{box.title}\n{box.details}"),
        parallel=parallel,
        commands=commands_in(box.details),
        section=" / ".join(box.section),
    )


def _unique(keys: Sequence[str], tasks: Sequence[Task]) -> list[str]:
    """Keys that occur more than once get the title's digest, and what is still the same a number."""
    often = Counter(keys)
    told = [
        f"{key}-{digest_of(f'{task.section}/{task.title}'.encode())[:6]}" if often[key] > 1 else key
        for key, task in zip(keys, tasks, strict=True)
    ]
    seen: Counter[str] = Counter()
    result = []
    for key in told:
        seen[key] += 1
        result.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return result
