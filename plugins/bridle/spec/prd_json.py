"""Ralph's `prd.json`: user stories with `passes`; read with the bytes at which each value stands."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bridle.errors import SpecError
from bridle.spec.task import Task, digest_of, key_of
from bridle.spec.text import BOM

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMAND = re.compile(r"(?:run:?\s+)?`([^`]+)`(?:\s+(?:passes|succeeds|exits with 0))?\.?", re.IGNORECASE)


def parse(data: bytes) -> list[Task]:
    """The stories by priority, then in the order of the file.

    Raises:
        SpecError: it is no JSON object with a list `userStories`.
    """
    # in latin-1 each byte is one character, so places in the text are places in the file
    text = data.decode("latin-1")
    start = len(BOM) if data.startswith(BOM) else 0
    try:
        stories = next(at for key, at, _ in _members(text, _skip(text, start)) if key == "userStories")
        tasks = [_task(data, text, at, end) for at, end in _entries(text, stories)]
    except (ValueError, TypeError, IndexError, StopIteration) as error:
        raise SpecError(f"no prd.json: an object with a list `userStories` is expected ({error})") from error
    counted = Counter(task.key for task in tasks)
    if twice := [key for key, count in counted.items() if count > 1]:
        raise SpecError(f"prd.json has more than one story {', '.join(twice)}; give each an id of its own")
    return sorted(tasks, key=lambda task: (task.priority is None, task.priority or 0, task.start))


def _task(data: bytes, text: str, start: int, end: int) -> Task:
    story = json.loads(data[start:end].decode("utf-8", "replace"), strict=False)
    if not isinstance(story, dict):
        raise TypeError("a story is an object")
    members = list(_members(text, start))
    passes = next(((at, after) for key, at, after in members if key == "passes"), None)
    # without `passes` it is open, and ticking adds one behind the last member
    mark = passes or (members[-1][2], members[-1][2])
    title = str(story.get("title") or story.get("id") or "")
    criteria = [str(entry) for entry in _list(story, "acceptanceCriteria")]
    priority = story.get("priority")
    return Task(
        key=str(story.get("id") or key_of(title)),
        title=title,
        details="\n".join(
            [
                str(story.get("description") or ""),
                *(f"- {entry}" for entry in criteria),
                str(story.get("notes") or ""),
            ]
        ).strip(),
        done=story.get("passes") is True,
        start=start,
        end=end,
        mark=mark,
        ticked=b"true" if passes else b', "passes": true',
        digest=digest_of(data[start:end]),
        line=data.count(b"\n", 0, start) + 1,
        depends=tuple(str(key) for key in (*_list(story, "dependsOn"), *_list(story, "depends_on"))),
        priority=priority if isinstance(priority, int) and not isinstance(priority, bool) else None,
        commands=tuple(
            found[1].strip() for entry in criteria if (found := _COMMAND.fullmatch(entry.strip()))
        ),
    )


def _list(story: dict[str, Any], name: str) -> list[Any]:
    value = story.get(name)
    return value if isinstance(value, list) else []


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Name of each member of the object at `at`, and where its value begins and ends."""
    if text[at] != "{":
        raise ValueError(f"an object is expected at byte {at}")
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] != ":":
            raise ValueError(f"a colon is expected at byte {at}")
        start = _skip(text, at + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, start, end
        at = _next(text, end, "}")


def _entries(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where each entry of the list at `at` begins and ends."""
    if text[at] != "[":
        raise ValueError(f"a list is expected at byte {at}")
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _next(text, end, "]")


def _next(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text[at] == ",":
        return _skip(text, at + 1)
    if text[at] != closing:
        raise ValueError(f"a comma is expected at byte {at}")
    return at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
