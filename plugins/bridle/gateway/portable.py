"""What makes a recording fit another folder, another day and another run."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CHANGING = (
    # Codex writes a word and an underline before its own
    (re.compile(r"(?<![^\W_])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "{{id}}"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z| ?[+-]\d\d:?\d\d)?)?"),
        "{{time}}",
    ),
    (re.compile(rf"\b{_MONTH} +\d+ +(?:\d\d:\d\d(?::\d\d)?(?: \d{{4}})?|\d{{4}})\b"), "{{time}}"),
    (re.compile(r"\b(?=[a-z]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b"), "{{hex}}"),
    (re.compile(r"\b(127\.0\.0\.1|localhost):\d+"), r"\1:{{port}}"),
    # Codex's shell: a random name, and a count that takes a folder's name in
    (re.compile(r"^Chunk ID: [0-9a-f]{6}$", re.MULTILINE), "Chunk ID: {{hex}}"),
    (re.compile(r"^Original token count: \d+$", re.MULTILINE), "Original token count: {{number}}"),
    (re.compile(r"\b\d+\.\d+ ?(s|ms|sec|seconds)\b"), r"{{number}} \1"),
)
"""What differs from run to run in what tools print, and means nothing to a model."""
_NOT_COMPARED = frozenset({"metadata", "prompt_cache_key", "safety_identifier", "user", "client_metadata"})
"""Fields of a request that name who asks."""


class Portable:
    """Paths of one session as placeholders, and back.

    Args:
        places: placeholder to path, e.g. `{{workdir}}` to the work tree.
        redact: takes secrets out of a request's text.
        known: takes out known secrets only: an answer is played back, and what looks like a secret in it may
            be the work itself.
    """

    def __init__(
        self,
        places: Mapping[str, Path],
        *,
        redact: Callable[[str], str] = str,
        known: Callable[[str], str] = str,
    ) -> None:
        # the longest first: one is below the other
        self._places = sorted(
            ((str(path), name) for name, path in places.items()), key=lambda it: -len(it[0])
        )
        self._known = known
        # a conversation sends all of itself with every call
        self._text = lru_cache(maxsize=4096)(lambda text: self._steady(redact(self._placed(text))))

    def request(self, body: Mapping[str, Any]) -> Any:
        """A request as it is compared: without what changes from run to run."""
        return _walk({key: value for key, value in body.items() if key not in _NOT_COMPARED}, self._text)

    def answer(self, said: Any) -> Any:
        """An answer as it is kept."""
        return _walk(said, lambda text: self._placed(self._known(text)))

    def restored(self, said: Any) -> Any:
        """An answer as it is played back here."""
        return _walk(said, self._at_home)

    def _placed(self, text: str) -> str:
        for path, name in self._places:
            # Claude Code names folders after paths
            text = text.replace(path, name).replace(re.sub(r"[^A-Za-z0-9]", "-", path), f"{name}-name")
        return text

    def _at_home(self, text: str) -> str:
        for path, name in self._places:
            text = text.replace(f"{name}-name", re.sub(r"[^A-Za-z0-9]", "-", path)).replace(name, path)
        return text

    @staticmethod
    def _steady(text: str) -> str:
        for pattern, name in _CHANGING:
            text = pattern.sub(name, text)
        return text


def first_difference(recorded: Any, asked: Any) -> str:
    """Where two normalised requests differ first, and how; empty: nowhere."""
    return next(_differences(recorded, asked, "request"), "")


def _differences(recorded: Any, asked: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in {**recorded, **asked}:
            if key in recorded and key in asked:
                yield from _differences(recorded[key], asked[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}: only {'in the recording' if key in recorded else 'asked now'}"
    elif isinstance(recorded, list) and isinstance(asked, list):
        for index, (one, other) in enumerate(zip(recorded, asked, strict=False)):
            yield from _differences(one, other, f"{where}[{index}]")
        if len(recorded) != len(asked):
            yield f"{where}: {len(recorded)} entries in the recording, {len(asked)} now"
    elif recorded != asked:
        yield f"{where}: {_around(recorded, asked)}"


def _around(recorded: Any, asked: Any) -> str:
    """Both values, from a little before the place where they part."""
    one, other = (value if isinstance(value, str) else json.dumps(value) for value in (recorded, asked))
    at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), -1)
    begin = max(0, (min(len(one), len(other)) if at < 0 else at) - 30)
    return f"{one[begin : begin + 90]!r} in the recording, {other[begin : begin + 90]!r} now"


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _walk(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    return value
