"""What the terms of every dialect are made of."""

from typing import Any

_MOST = 10_000_000


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


def require_counts(body: dict[str, Any], *names: str) -> None:
    """Make sure that numbers which bound the size of an answer are such; they may be absent, or null.

    Raises:
        Refused: one is no whole number above zero, or beyond all answers.
    """
    for name in names:
        value = body.get(name)
        # True is an int in Python, and 100000.0 a limit to providers, while nothing here would count it
        if value is not None and not (type(value) is int and 0 < value <= _MOST):
            raise Refused(f"{name} is {shown(value)}; it must be a whole number from 1 to {_MOST}")


def shown(value: object) -> str:
    """A value of a request, as a message quotes it."""
    return repr(value)[:80]
