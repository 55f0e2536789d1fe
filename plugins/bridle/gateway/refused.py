"""What the terms of every dialect are made of."""

from typing import Any


class Refused(Exception):
    """A request asks for what is not on offer; the message says what."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def objects(value: object, name: str) -> list[dict[str, Any]]:
    """A list of objects, as the provider wants it; empty when there is none.

    Raises:
        Refused: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Refused(f"{name} is no list of objects")
    return value


def shown(value: object) -> str:
    """A value of a request, as a message quotes it."""
    return repr(value)[:80]
