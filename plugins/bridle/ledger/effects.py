"""Outside writes, at most once each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bridle.ledger.records import Attempt, Fence
from bridle.ledger.store import Ledger


@dataclass(frozen=True)
class Receipt:
    """Proof of an outside write."""

    version: str
    """The version that the object in the world has."""
    url: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def perform(
    ledger: Ledger,
    attempt: Attempt,
    fence: Fence,
    *,
    key: str,
    version: str,
    kind: str,
    target: str,
    lookup: Callable[[], Receipt | None],
    act: Callable[[], Receipt],
) -> Receipt: ...
