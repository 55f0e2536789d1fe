"""The books of a session: every model call is reserved before it is made, and settled after."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID, uuid4

from bridle.agents.base import Dialect
from bridle.errors import BridleError, BudgetSpent, LedgerUnavailable
from bridle.gateway.estimate import Estimate
from bridle.ledger.records import BudgetWarning, CallRequest, Fence, Price, Usage
from bridle.ledger.store import Ledger

log = logging.getLogger(__name__)

_AFTER_SECONDS = 0.005
"""From an answer's end to its settlement: two threads at work at once would hold the answer up."""


@dataclass(frozen=True)
class Call:
    """A model call that is about to be made."""

    dialect: Dialect
    model: str
    request_bytes: int
    estimate: Estimate
    provider: str = ""


@dataclass(frozen=True)
class Settlement:
    """What a call came to."""

    usage: Usage | None
    """None: nobody knows, and the estimate stays."""
    price: Price
    status: str
    """`ok`; `error`, `timeout` or `cut` by the provider; `aborted` by the agent or a stop."""
    http_status: int | None
    """None: the provider did not answer."""
    answered_model: str | None
    latency_ms: int
    first_byte_ms: int | None


class Meter(Protocol):
    """Where a gateway keeps its books. Called from threads, several at once."""

    def reserve(self, call: Call) -> UUID:
        """Take the call's estimate from every budget it counts against.

        Raises:
            BudgetSpent: a cap would not hold.
            StopRequested: somebody said stop.
            FenceLost: a newer attempt owns the step.
            LedgerUnavailable: the books are out of reach; the call must not be made.
        """
        ...

    def settle(self, call_id: UUID, settlement: Settlement) -> None:
        """Replace a call's reservation by what it came to, before the next one; returns at once."""
        ...

    def close(self) -> None:
        """Return when everything is written that can be."""
        ...


class LedgerMeter:
    """Books in the ledger.

    An answer does not wait for its settlement: that is written by a thread beside it, always before the next
    reservation of this session. One that cannot be written stays reserved at its estimate, so no cap is in
    danger; it is kept, and written before the next reservation or at the end.

    Args:
        ledger: shared with the rest of the step.
        session_id: whose calls these are.
        fence: of the attempt.
        scopes: budgets and stop flags that they count against; the session's own is always one of them.
        on_warning: told once when 80 % of a cap is spent; called in a thread.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        session_id: UUID,
        fence: Fence,
        scopes: Sequence[str],
        on_warning: Callable[[BudgetWarning], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._session_id = session_id
        self._fence = fence
        self._scopes = tuple(scopes)
        self._on_warning = on_warning
        self._waiting: dict[UUID, Settlement] = {}
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="bridle-books")

    def reserve(self, call: Call) -> UUID:
        self._write_waiting()
        return self._ledger.reserve(
            CallRequest(
                session_id=self._session_id,
                fence=self._fence,
                scopes=self._scopes,
                dialect=call.dialect,
                model=call.model,
                estimated_tokens=call.estimate.tokens,
                estimated_usd=call.estimate.usd,
                request_bytes=call.request_bytes,
                provider=call.provider,
            )
        )

    def settle(self, call_id: UUID, settlement: Settlement) -> None:
        self._waiting[call_id] = settlement
        self._writer.submit(self._write_soon)

    def close(self) -> None:
        self._writer.shutdown()
        self._try_to_write()

    def _write_soon(self) -> None:
        time.sleep(_AFTER_SECONDS)
        self._try_to_write()

    def _try_to_write(self) -> None:
        try:
            self._write_waiting()
        except BridleError as error:
            log.warning("%d model calls stay at their estimates for now: %s", len(self._waiting), error)

    def _write_waiting(self) -> None:
        with self._lock:
            for call_id, settlement in list(self._waiting.items()):
                fields = {name: getattr(settlement, name) for name in settlement.__dataclass_fields__}
                try:
                    warnings = self._ledger.settle(call_id, **fields)
                except LedgerUnavailable:
                    raise
                except BridleError:
                    # it would fail for ever, and every reservation after it
                    del self._waiting[call_id]
                    log.exception("model call %s is booked at its estimate: it could not be settled", call_id)
                    continue
                del self._waiting[call_id]
                for warning in warnings:
                    self._on_warning(warning)


class MemoryMeter:
    """Books in memory, for a session without a ledger: trying things out, tests, benchmarks.

    Args:
        cap_usd: US dollars; None: no cap.
        cap_tokens: input and output together; None: no cap.
    """

    def __init__(self, *, cap_usd: Decimal | None = None, cap_tokens: int | None = None) -> None:
        self._cap_usd = cap_usd
        self._cap_tokens = cap_tokens
        self._reserved: dict[UUID, Estimate] = {}
        self._lock = threading.Lock()
        self.calls: list[Call] = []
        self.settled: list[Settlement] = []
        self.spent_tokens = 0
        self.spent_usd = Decimal(0)

    def reserve(self, call: Call) -> UUID:
        with self._lock:
            reserved = list(self._reserved.values())
            tokens = self.spent_tokens + sum(estimate.tokens for estimate in reserved) + call.estimate.tokens
            if self._cap_tokens is not None and tokens > self._cap_tokens:
                raise BudgetSpent(f"{self._cap_tokens} tokens do not last for this call", scope="memory")
            if self._cap_usd is not None:
                if call.estimate.usd is None:
                    raise BudgetSpent(f"nobody knows what {call.model} costs", scope="memory")
                usd = self.spent_usd + sum(estimate.usd or 0 for estimate in reserved) + call.estimate.usd
                if usd > self._cap_usd:
                    raise BudgetSpent(f"${self._cap_usd} do not last for this call", scope="memory")
            call_id = uuid4()
            self._reserved[call_id] = call.estimate
            self.calls.append(call)
            return call_id

    def settle(self, call_id: UUID, settlement: Settlement) -> None:
        with self._lock:
            estimate = self._reserved.pop(call_id)
            self.settled.append(settlement)
            self.spent_tokens += settlement.usage.total if settlement.usage else estimate.tokens
            amount = settlement.price.amount
            self.spent_usd += (estimate.usd or Decimal(0)) if amount is None else amount

    def close(self) -> None:
        pass
