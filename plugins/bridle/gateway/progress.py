"""What a running gateway knows of its session's traffic."""

import time
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["budget", "stopped", "credential", "config", "provider"]


@dataclass
class Progress:
    """Shared by all calls of one session; written in the gateway's thread, read from any."""

    last_traffic: float = field(default_factory=time.monotonic)
    """`time.monotonic()` of the last bytes in either direction."""
    first_request_bytes: int | None = None
    """Size of the session's first model request."""
    ended: Ending | None = None
    """What ended the session's calls. `provider` is taken back by the next answer; the others are final."""
    reason: str = ""
    """Why, in a sentence."""

    def touch(self) -> None:
        """Something moved."""
        self.last_traffic = time.monotonic()

    def end(self, ending: Ending, reason: str) -> None:
        """Note what ended it; a final ending keeps its first reason."""
        if not self.final:
            self.ended, self.reason = ending, reason

    def answered(self) -> None:
        """The provider works."""
        if self.ended == "provider":
            self.ended, self.reason = None, ""

    @property
    def final(self) -> bool:
        """No further call will be made."""
        return self.ended is not None and self.ended != "provider"
