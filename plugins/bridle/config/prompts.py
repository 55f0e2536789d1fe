"""Prompt files: Jinja templates in which every name must be given."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridle.errors import ConfigError


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt and the digest of the template that it came from."""

    text: str
    digest: str


def render(path: Path, inputs: Mapping[str, Any]) -> Prompt:
    """Render the prompt file at `path` with `inputs` as its only names.

    Values are inserted as text and never rendered themselves, so that an issue cannot carry a template.

    Raises:
        ConfigError: unreadable, a syntax error, or an undefined name; the message has file and line.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"prompt {path}: cannot be read: {error}") from error
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    try:
        text = environment.from_string(source).render(**inputs)
    except TemplateSyntaxError as error:
        raise ConfigError(f"prompt {path}:{error.lineno}: {error.message}") from error
    except TemplateError as error:
        given = ", ".join(sorted(inputs)) or "nothing"
        raise ConfigError(f"prompt {path}: {error}; the step gives it: {given}") from error
    return Prompt(text=text, digest=hashlib.sha256(source.encode()).hexdigest())
