"""Model calls: reserved before they are made, settled after; each in one round trip to the database."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from bridle.errors import ConfigError, FenceLost
from bridle.ledger.budgets import EVERYTHING
from bridle.ledger.claims import own_scopes
from bridle.ledger.ids import new_id
from bridle.ledger.part import Part
from bridle.ledger.records import BudgetWarning, CallRequest, Price, Usage
from bridle.ledger.refusal import spent, stop_of, unpriced
from bridle.ledger.session_guard import require_open_session

_NOTHING = Decimal(0)
# the functions are part of the schema: see the migration "budgets"
_RESERVE = """SELECT bridle.reserve(
    %(session_id)s, %(call_id)s, %(key)s, %(token)s, %(holder)s, %(scopes)s::text[], %(dialect)s,
    %(provider)s, %(model)s, %(tokens)s, %(usd)s, %(request_bytes)s)"""
_SETTLE = """SELECT bridle.settle(
    %(call_id)s, %(status)s, %(http_status)s, %(answered_model)s, %(input_tokens)s, %(output_tokens)s,
    %(cache_read_tokens)s, %(cache_write_tokens)s, %(reasoning_tokens)s, %(cost)s, %(currency)s, %(source)s,
    %(version)s, %(latency_ms)s, %(first_byte_ms)s)"""


class Calls(Part):
    """Reserve and settle."""

    def reserve(self, call: CallRequest) -> UUID:
        """Put a call into the books before it is made: one short transaction.

        Fence and stop flags are checked, then the caps of every scope against what is spent and reserved
        plus this call's estimate; the counters move and the row is there. Its session, step and run, today
        (by the database's clock, in UTC; in all and of its DAG), and `all` always count, whether they are
        named or not.

        Returns:
            The call's id, for `settle`.

        Raises:
            BudgetSpent: the call does not fit into a cap, or a dollar cap alone guards a model whose price
                is unknown.
            StopRequested: somebody asked for a stop.
            FenceLost: a newer attempt owns the step, or the session is closed.
            ConfigError: its estimate is negative.
            LedgerUnavailable: Postgres is away; the call must not be made.
        """
        call_id = new_id()
        refused = self._db.scalar(
            _RESERVE,
            {
                "session_id": call.session_id,
                "call_id": call_id,
                "key": call.fence.key,
                "token": call.fence.token,
                "holder": call.fence.holder,
                "scopes": [*call.scopes, EVERYTHING, f"session:{call.session_id}", *own_scopes(call.fence)],
                "dialect": self._door.line(call.dialect),
                "provider": self._door.line(call.provider),
                "model": self._door.line(call.model),
                "tokens": call.estimated_tokens,
                "usd": call.estimated_usd,
                "request_bytes": call.request_bytes,
            },
        )
        if refused is not None:
            self._refuse(call, refused)
        return call_id

    def settle(
        self,
        call_id: UUID,
        *,
        usage: Usage | None,
        price: Price,
        status: str,
        http_status: int | None,
        answered_model: str | None,
        latency_ms: int,
        first_byte_ms: int | None,
    ) -> tuple[BudgetWarning, ...]:
        """Replace a call's reservation by what it came to; a second time changes nothing.

        What is unknown stays unknown in the row, and the scopes' counters keep the estimate for it; see
        `billed`.

        Args:
            call_id: from `reserve`.
            usage: tokens; None when the answer did not say.
            price: its cost in US dollars; `amount` None when nobody knows.
            status: how it ended, in a word: `ok`, `error`, `cut` …
            http_status: of the provider's answer, if any came.
            answered_model: the model that the provider names.
            latency_ms: until the last byte.
            first_byte_ms: until the first byte.

        Returns:
            The budgets of which this call brought the spent part to 80 %; each cap is told of once.

        Raises:
            ConfigError: the price is in another currency, or there is no such call.
        """
        if price.amount is not None and price.currency != "USD":
            raise ConfigError(
                f"a call's price is in {price.currency}; budgets are kept in USD: convert it first"
            )
        usage, price = billed(usage, price, http_status)
        warnings = self._db.scalar(
            _SETTLE,
            {
                "call_id": call_id,
                "status": self._door.line(status),
                "http_status": http_status,
                "answered_model": answered_model and self._door.line(answered_model),
                **{name: usage and getattr(usage, name) for name in Usage.__dataclass_fields__},
                "cost": price.amount,
                "currency": price.currency,
                "source": price.source,
                "version": price.version,
                "latency_ms": latency_ms,
                "first_byte_ms": first_byte_ms,
            },
        )
        if warnings is None:
            raise ConfigError(f"model call {call_id} was never reserved in this ledger")
        return tuple(map(_warning_of, warnings))

    def _refuse(self, call: CallRequest, refused: Mapping[str, Any]) -> None:
        """Raise what the database's refusal means."""
        why, scope = refused["refused"], refused.get("scope", "")
        if why == "session":
            with self._db.transaction() as connection:
                require_open_session(connection, call.session_id, call.fence)
            raise FenceLost(f"{call.fence.key} changed hands while {call.fence.holder} asked to call a model")
        if why == "stopped":
            raise stop_of(scope, refused["by"])
        if why == "price":
            raise unpriced(scope, Decimal(refused["cap"]), call.model)
        if why == "negative":
            raise ConfigError(
                f"a call of {call.model} is estimated at {call.estimated_tokens} tokens and "
                f"{call.estimated_usd} USD; neither can be negative: correct the model's price"
            )
        by = refused["by"]
        if why == "usd" and call.estimated_usd is not None:
            cap, left = Decimal(refused["cap"]), Decimal(refused["left"])
            raise spent(scope, cap=_usd(cap), left=_usd(left), wanted=_usd(call.estimated_usd), by=by)
        cap_tokens, wanted = f"{refused['cap']:,} tokens", f"{call.estimated_tokens:,}"
        raise spent(scope, cap=cap_tokens, left=f"{refused['left']:,}", wanted=wanted, by=by)


def billed(usage: Usage | None, price: Price, http_status: int | None) -> tuple[Usage | None, Price]:
    """What a call is booked at: an error status of the provider without usage was not billed."""
    if usage is None and http_status is not None and http_status >= 400:
        return Usage(), Price(_NOTHING, source="refused")
    return usage, price


def _warning_of(row: Mapping[str, Any]) -> BudgetWarning:
    money = {name: row[name] and Decimal(row[name]) for name in ("spent_usd", "cap_usd")}
    return BudgetWarning(**{**row, **money})


def _usd(amount: Decimal) -> str:
    return f"${amount:.4f}"
