"""Texts that go to the outside: a template of the user's, with everything foreign in it made harmless."""

from collections.abc import Mapping
from typing import Any

from bridle.config.prompts import render
from bridle.guard.sanitize import sanitize
from bridle.harness.reference import expand
from bridle.harness.step import Step

MAX_TEXT = 60_000
"""Bytes; GitHub takes 65,536 characters."""


def outside_text(step: Step, name: str, inputs: Mapping[str, Any]) -> str:
    """Render `include/templates/<name>`, redacted and sanitised.

    Raises:
        ConfigError: the template is missing or uses a name that it is not given.
    """
    values = {key: expand(value, step.ledger) for key, value in inputs.items()}
    text = render(step.settings.include(f"templates/{name}", beside=step.beside), values).text
    return sanitize(step.ledger.redactor.text(text), max_bytes=MAX_TEXT)
