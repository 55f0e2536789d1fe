"""A call that its provider did not answer, and what it said about trying again."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

from starlette.responses import Response

_EVER = 366 * 86_400.0
"""Seconds; who asks for more says nothing of use."""


@dataclass(frozen=True)
class Lost:
    """No answer: overloaded, broken, out of reach, too slow; nothing of it has reached the agent."""

    reason: str
    """In a sentence."""
    answer: Response
    """For the agent, when no other model is asked."""
    retry_after: float | None = None
    """Seconds that the provider wants to be left alone; None: it did not say."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How long an answer asks to wait, in seconds: as a number or a date, as HTTP has both."""
    milliseconds, told = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    try:
        seconds = float(milliseconds) / 1000 if milliseconds else float(told)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(told).timestamp() - time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < _EVER else None  # neither infinity nor NaN is a time
