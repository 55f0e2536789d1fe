"""YAML files that users edit, read into pydantic models with errors that name file and line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bridle.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


class Wrong(ValueError):
    """A value that does not go with another one; raised by a model's validator.

    Args:
        message: what is wrong, and what to do.
        within: keys that lead from the model to the value.
    """

    def __init__(self, message: str, *within: str) -> None:
        super().__init__(message)
        self.within = within


def load(path: Path, model: type[M]) -> M:
    """Read `path` as YAML and validate it.

    Raises:
        ConfigError: the file is missing, is no YAML, or does not fit `model`; the message has file, line,
            key and remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(_syntax(path, error)) from error
    except (ValueError, RecursionError) as error:
        # a date that no calendar has, for instance
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    for key, at in _repeated(root):
        # YAML would silently take the last one
        raise ConfigError(f"{path}:{at}: {key}: is there twice; keep one")
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        # without its cause: that tells what was given, which may be a secret in the wrong place
        raise ConfigError("\n".join(_problem(path, root, problem) for problem in error.errors())) from None


def _syntax(path: Path, error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{path}: not valid YAML: {error}"
    began = error.context_mark
    where = f"; {error.context} that begins in line {began.line + 1}" if error.context and began else ""
    return f"{path}:{error.problem_mark.line + 1}: not valid YAML: {error.problem}{where}"


def _problem(path: Path, root: yaml.Node | None, problem: Any) -> str:
    cause = problem.get("ctx", {}).get("error")
    location = (*problem["loc"], *(cause.within if isinstance(cause, Wrong) else ()))
    keys = ".".join(str(part) for part in location if part != "[key]")
    said = _PLAINER.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    return f"{path}:{_line(root, location)}: {keys}: {said}" if keys else f"{path}:1: {said}"


_PLAINER = {
    "extra_forbidden": "is not known here; remove it, or correct its spelling",
    "missing": "is missing",
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
}
"""What pydantic calls by its own names, for people who edit a YAML file."""


def _repeated(node: yaml.Node | None, seen: frozenset[int] = frozenset()) -> Iterator[tuple[str, int]]:
    """Keys that a mapping has twice, and the line of the second."""
    if node is None or id(node) in seen:
        return  # an alias may lead back to where it stands
    seen |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in keys:
                    yield key.value, key.start_mark.line + 1
                keys.add(key.value)
            yield from _repeated(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value, seen)


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Line of the deepest part of `location` that the document has, from 1."""
    line = 1
    for part in location:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, part: Any) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child.start_mark.line + 1, child
    return None
