"""Outside writes, at most once each."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bridle.errors import EffectUncertain
from bridle.ledger.effect_log import DONE, SETTLE_SECONDS, UNCERTAIN
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
    settle_seconds: float = SETTLE_SECONDS,
) -> Receipt:
    """Make one outside write happen, never twice, whoever is killed where.

    The ledger gets the intent; `lookup` asks the world; only what is not there in this version is acted upon;
    the ledger gets the receipt. After a crash in between, the next attempt's `lookup` decides. When another
    attempt's write may still be under way, this one waits for it first. That it is done, a retry takes from
    the ledger; a cleared task and another run ask the world, where somebody may have undone it.

    Args:
        ledger: where it is written down.
        attempt: the acting step.
        fence: its fence; verified before `lookup` and again right before `act`.
        key: identity of the object in the world, for instance `pr:<repo>:<head>`.
        version: hash of what it should say.
        kind: `pull_request`, `comment`, `label`, `push` …
        target: where, for people.
        lookup: finds the object in the world; None: surely not there; raises EffectUncertain
            when it cannot tell.
        act: writes, and takes no longer than `settle_seconds`.
        settle_seconds: how long another attempt's write may be under way.

    Returns:
        The receipt: fresh, found, or the ledger's of an earlier attempt.

    Raises:
        EffectUncertain: nobody can tell whether it happened; a person must look.
        FenceLost: a newer attempt owns the step.
        StopRequested: somebody asked for a stop.
    """
    while True:
        row = ledger.effect_intend(attempt, fence, key, version, kind, target, settle_seconds=settle_seconds)
        if row.settled_in:
            time.sleep(min(row.settled_in, 0.5))
            continue
        if row.state == DONE and row.receipt is not None:
            return Receipt(**row.receipt)
        try:
            receipt = lookup()
        except EffectUncertain as error:
            ledger.effect_uncertain(key, str(error))
            raise
        if receipt is not None and receipt.version == version:
            break
        if row.state == UNCERTAIN:
            raise EffectUncertain(
                f"{kind} {key} at {target} is uncertain: {row.why}; look there, then resolve it: "
                f"`bridle resolve '{key}' --done URL`, or `--not-done`, and clear the task"
            )
        if ledger.effect_begin(key, fence):
            receipt = act()
            break
    ledger.effect_done(key, asdict(receipt), fence)
    return receipt
