"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """Works, but not as well, or not for long."""
    FAIL = "fail"
    """Runs will fail."""
    UNSEEN = "unseen"
    """It cannot be looked at from here."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    said: str
    """What was seen."""
    remedy: str = ""
    """What to do; empty when there is nothing to do."""


def ok(what: str, said: str) -> Finding:
    """All is well."""
    return Finding(what, Verdict.OK, said)


def warn(what: str, said: str, remedy: str) -> Finding:
    """It works, but should be seen to."""
    return Finding(what, Verdict.WARN, said, remedy)


def fail(what: str, said: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(what, Verdict.FAIL, said, remedy)


def unseen(what: str, why: str, remedy: str = "") -> Finding:
    """Nobody can tell from here."""
    return Finding(what, Verdict.UNSEEN, why, remedy)
