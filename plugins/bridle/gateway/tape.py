"""What may stand between a gateway and its providers: a recorder, or a recording."""

from typing import Any, Protocol

import httpx


class Tape(Protocol):
    """Makes the client through which a gateway calls providers."""

    def client(self, options: dict[str, Any]) -> httpx.AsyncClient:
        """The client.

        Args:
            options: those of `httpx.AsyncClient`.
        """
        ...
