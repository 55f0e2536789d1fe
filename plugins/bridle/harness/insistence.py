"""An agent whose calls are refused for good ends by itself; one that does not is ended."""

import threading
from typing import Final

from bridle.errors import Halted
from bridle.gateway.server import Gateway
from bridle.harness.ending import refusal_of
from bridle.harness.periodic import Periodic

PATIENCE_SECONDS: Final = 4.0
"""From the first refused call; with the tree's own grace it is gone well within ten seconds."""


def watch_refusals(gateway: Gateway, *, session: str, stop: threading.Event) -> Periodic:
    """A watcher that stops a session which goes on although its budget is spent or a stop was asked for.

    Args:
        gateway: of the session.
        session: its id, for messages.
        stop: set to end the session.
    """

    def look() -> None:
        refusal = refusal_of(gateway, session=session)
        if isinstance(refusal, Halted) and gateway.refused_seconds > PATIENCE_SECONDS:
            raise refusal

    return Periodic("refusals", 1.0, look, stop=stop)
