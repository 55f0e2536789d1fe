"""Texts that go to the outside: a template of the user's, with everything foreign in it made harmless."""

import re
from collections.abc import Mapping
from typing import Any

from bridle.config.prompts import render
from bridle.guard.sanitize import sanitize
from bridle.harness.reference import expand
from bridle.harness.step import Step

MAX_TEXT = 20_000
"""Bytes of one foreign text."""
MAX_OUTSIDE = 65_000
"""Characters in all; GitHub refuses more than 65,536."""
_CUT = "\n\n[cut: the text is longer]\n\n"
_END = 10_000
"""Characters of a text's end that stay: what a pull request closes is said there."""

_CALLS = re.compile(
    r"[@#](?=\w)|(?<=\bGH)-(?=\d)|\b(?:clos|fix|resolv)(?=(?:e|es|ed)?:?\s+\S*?https?://)", re.IGNORECASE
)
_JOINER = "\u2060"
"""Shown as nothing, but `@name` and `#7` with it in between call nobody and close nothing."""


def outside_text(step: Step, name: str, inputs: Mapping[str, Any]) -> str:
    """Render `include/templates/<name>`; what fills it is redacted, sanitised, and cannot act on the forge.

    The middle of one that is longer than GitHub takes is left out.

    Raises:
        ConfigError: the template is missing or uses a name that it is not given.
    """
    values = {key: _harmless(step, expand(value, step.ledger)) for key, value in inputs.items()}
    text = render(step.settings.include(f"templates/{name}", beside=step.beside), values).text
    if len(text) <= MAX_OUTSIDE:
        return text
    return text[: MAX_OUTSIDE - len(_CUT) - _END] + _CUT + text[-_END:]


def uncalled(text: str) -> str:
    """Foreign text in which no word calls somebody, or closes an issue, when the forge sees it.

    For messages of commits too: they act when they are merged.
    """
    return _CALLS.sub(lambda found: found[0] + _JOINER, text)


def _harmless(step: Step, value: Any) -> Any:
    if isinstance(value, str):
        return uncalled(sanitize(step.ledger.redactor.text(value), max_bytes=MAX_TEXT))
    if isinstance(value, Mapping):
        return {key: _harmless(step, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_harmless(step, item) for item in value]
    return value
