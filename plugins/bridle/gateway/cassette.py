"""A recording of one session's model calls: a file of JSON lines, one for each call, as they ended.

A line has `request` (normalised, see `bridle.gateway.portable`) and either `answer`, with `status`, `headers`
and `body` or `events`, or `lost`, how the call went without an answer. `broken` says that the answer was
broken off.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridle.errors import ConfigError

KEPT_HEADERS = ("content-type", "retry-after", "x-should-retry")


def cassette_path(folder: Path, task: str, round: int, ordinal: int) -> Path:
    """The file of one session.

    Args:
        folder: of the recording of a run.
        task: of the workflow, with its map index where it has one.
        round: of the step, from 1.
        ordinal: of the session in its round, from 1: an interrupted one has a second.
    """
    return folder / f"{quote(task, safe='')}.{round}.{ordinal}.jsonl"


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add a call."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The calls of a session.

    Raises:
        ConfigError: there is no such recording, or it is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        there = ", ".join(sorted(file.stem for file in path.parent.glob("*.jsonl"))) or "nothing"
        raise ConfigError(
            f"replay: {path.name} is not in the recording {path.parent}; it has {there} (task.round.session)"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"replay: {path} cannot be read: {error}") from error
    entries = []
    # no splitlines: to it U+2028, U+0085 and others, which JSON leaves in a text, are line ends too
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        try:
            entry = json.loads(line)
            entry["request"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"replay: {path}:{number}: no call of a recording: {error}") from error
        entries.append(entry)
    return entries
