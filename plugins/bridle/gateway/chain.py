"""The models of one session: its own, and those that stand in until one of them has given a first answer.

A session keeps the model that answered first. Another one would read a conversation that it has not written,
in details (thinking, tool ids, caches) that differ even within a dialect.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bridle.gateway.lost import Lost
from bridle.gateway.relay import Session

LONGEST_REST = 60.0
"""Seconds that a model is left alone at most; a provider that asks for more is asked again after these."""
_REST = 2.0
"""Seconds that a model is left alone when its provider does not say how long."""


@dataclass(frozen=True)
class Candidate:
    """A model to ask."""

    link: Session
    rest: float
    """Seconds to wait before."""


class Chain:
    """Which model to ask; one for each gateway.

    Args:
        links: what a call needs to know, for each model, the session's own first.
    """

    def __init__(self, links: Sequence[Session]) -> None:
        self.links = tuple(links)
        self.choosing = asyncio.Lock()
        """Held by the one request that looks for the model that answers; others wait for what it finds."""
        self.known = links[0]
        """The model that people and books take for the session's."""
        self._answering = links[0] if len(links) == 1 else None
        self._lost = dict.fromkeys(links, "it has not answered")
        self._until = dict.fromkeys(links, 0.0)
        self._told: dict[Session, float] = {}

    @property
    def answering(self) -> Session | None:
        """The model that the session stays with; None: none has answered yet."""
        return self._answering

    @property
    def left(self) -> tuple[Session, ...]:
        """The models after the one that the session stays with; none while it stays with none."""
        return self.links[self.links.index(self._answering) + 1 :] if self._answering else ()

    def candidates(self) -> tuple[Candidate, ...]:
        """The models to ask now, in order.

        Those whose providers asked for a pause come only when all did, and then the first to be ready.
        """
        now = time.monotonic()
        waits = [Candidate(link, max(0.0, until - now)) for link, until in self._until.items()]
        return tuple(each for each in waits if not each.rest) or (min(waits, key=lambda each: each.rest),)

    @property
    def pause(self) -> float | None:
        """Seconds for which all the models shall be left alone; None: one of their providers did not say."""
        if len(self._told) < len(self.links):
            return None
        return max(0.0, min(self._told.values()) - time.monotonic())

    def failed(self, link: Session, lost: Lost) -> None:
        """Leave a model alone for as long as its provider asks, and a little longer: not all at one time."""
        self._lost[link] = lost.reason
        self._told.pop(link, None)
        if lost.retry_after is not None:
            self._told[link] = time.monotonic() + lost.retry_after
        rest = min(_REST if lost.retry_after is None else lost.retry_after, LONGEST_REST)
        self._until[link] = time.monotonic() + rest * random.uniform(1, 1.25)  # noqa: S311 (no secret)

    def lost(self, link: Session) -> str:
        """Why a model has not answered when it was last asked."""
        return self._lost[link]

    def answered(self, link: Session) -> None:
        """Stay with this model from now on."""
        self._answering = link
