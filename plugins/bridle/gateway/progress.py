"""What a running gateway knows of its session's traffic."""

import time
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["budget", "turns", "stopped", "credential", "config", "provider"]


@dataclass
class Progress:
    """Shared by all calls of one session; written in the gateway's thread, read from any."""

    last_traffic: float = field(default_factory=time.monotonic)
    """`time.monotonic()` of the last bytes in either direction."""
    turns: int | None = None
    """Answers at most; None: no limit."""
    answers: int = 0
    """Answers so far."""
    first_request_bytes: int | None = None
    """Size of the session's first model request."""
    ended: Ending | None = None
    """What ended the session's calls. `provider` is taken back by the next answer; the others are final."""
    reason: str = ""
    """Why, in a sentence."""
    scope: str = ""
    """Of the budget that is spent."""
    ended_at: float = 0.0
    """`time.monotonic()` of the final ending."""

    resting_until: float | None = None
    """`time.monotonic()` until which the provider asked to be left alone, when it refused the last call; of a
    chain whose providers all did, the first to be ready."""

    def touch(self) -> None:
        """Something moved."""
        self.last_traffic = time.monotonic()

    def end(self, ending: Ending, reason: str) -> None:
        """Note what ended it; a final ending keeps its first reason."""
        if not self.final:
            self.ended, self.reason, self.ended_at = ending, reason, time.monotonic()
            self.resting_until = None  # what an earlier call was told says nothing of this one

    def rest(self, seconds: float | None) -> None:
        """The provider wants to be left alone for so long; None: it does not say."""
        self.resting_until = None if seconds is None else time.monotonic() + seconds

    def answered(self) -> None:
        """The provider works."""
        self.resting_until = None
        if self.ended == "provider":
            self.ended, self.reason = None, ""

    def count_answer(self) -> None:
        """The model has answered once more; the last turn ends the session's calls."""
        self.answers += 1
        if self.turns is not None and self.answers >= self.turns:
            self.end("turns", f"not done after {self.turns} turns")

    @property
    def final(self) -> bool:
        """No further call will be made."""
        return self.ended is not None and self.ended != "provider"
