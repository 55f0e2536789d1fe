"""Model calls: reserved before they are made, settled after."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import BudgetSpent, ConfigError
from bridle.ledger.budgets import EVERYTHING, stop_of
from bridle.ledger.call_end import lock_budgets, move
from bridle.ledger.claims import own_scopes
from bridle.ledger.ids import new_id
from bridle.ledger.part import Part
from bridle.ledger.records import CallRequest, Price, Usage
from bridle.ledger.schema import budget, model_call
from bridle.ledger.session_guard import require_open_session

_NOTHING = Decimal(0)


class Calls(Part):
    """Reserve and settle."""

    def reserve(self, call: CallRequest) -> UUID:
        """Put a call into the books before it is made: one short transaction.

        Fence and stop flags are checked, then the caps of every scope against what is spent and reserved
        plus this call's estimate; the counters move and the row is there. Its session, step and run, and
        `all`, always count, whether they are named or not.

        Returns:
            The call's id, for `settle`.

        Raises:
            BudgetSpent: the call does not fit into a cap, or a dollar cap alone guards a model whose price
                is unknown.
            StopRequested: somebody asked for a stop.
            FenceLost: a newer attempt owns the step, or the session is closed.
            LedgerUnavailable: Postgres is away; the call must not be made.
        """
        scopes = sorted({*call.scopes, EVERYTHING, f"session:{call.session_id}", *own_scopes(call.fence)})
        call_id = new_id()
        with self._db.transaction() as connection:
            require_open_session(connection, call.session_id, call.fence)
            self._require_capacity(connection, call, scopes)
            move(
                connection,
                scopes,
                reserved_tokens=call.estimated_tokens,
                reserved_usd=call.estimated_usd or _NOTHING,
                calls=1,
            )
            connection.execute(
                insert(model_call).values(
                    session_id=call.session_id,
                    id=call_id,
                    fence_token=call.fence.token,
                    scopes=scopes,
                    dialect=self._door.line(call.dialect),
                    model=self._door.line(call.model),
                    estimated_tokens=call.estimated_tokens,
                    estimated_usd=call.estimated_usd,
                    request_bytes=call.request_bytes,
                )
            )
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
    ) -> None:
        """Replace a call's reservation by what it came to; a second time changes nothing.

        What is unknown stays unknown in the row, and the scopes' counters keep the estimate for it. An error
        status of the provider without usage was not billed: it counts as zero.

        Args:
            call_id: from `reserve`.
            usage: tokens; None when the answer did not say.
            price: its cost in US dollars; `amount` None when nobody knows.
            status: how it ended, in a word: `ok`, `error`, `cut` …
            http_status: of the provider's answer, if any came.
            answered_model: the model that the provider names.
            latency_ms: until the last byte.
            first_byte_ms: until the first byte.

        Raises:
            ConfigError: the price is in another currency, or there is no such call.
        """
        if price.amount is not None and price.currency != "USD":
            raise ConfigError(
                f"a call's price is in {price.currency}; budgets are kept in USD: convert it first"
            )
        if usage is None and http_status is not None and http_status >= 400:
            usage, price = Usage(), Price(_NOTHING, source="refused")
        with self._db.transaction() as connection:
            row = connection.execute(
                select(model_call).where(model_call.c.id == call_id).with_for_update()
            ).first()
            if row is None:
                raise ConfigError(f"model call {call_id} was never reserved in this ledger")
            if row.state == "settled":
                return
            guess = row.estimated_usd or _NOTHING
            tokens = row.estimated_tokens if usage is None else usage.total
            usd = guess if price.amount is None else price.amount
            lock_budgets(connection, row.scopes)
            if row.state == "reserved":
                move(
                    connection,
                    row.scopes,
                    reserved_tokens=-row.estimated_tokens,
                    reserved_usd=-guess,
                    spent_tokens=tokens,
                    spent_usd=usd,
                )
            else:  # given up before: its estimate is spent already
                move(
                    connection,
                    row.scopes,
                    spent_tokens=tokens - row.estimated_tokens,
                    spent_usd=usd - guess,
                )
            connection.execute(
                update(model_call)
                .where(model_call.c.session_id == row.session_id, model_call.c.id == call_id)
                .values(
                    state="settled",
                    status=self._door.line(status),
                    http_status=http_status,
                    answered_model=answered_model and self._door.line(answered_model),
                    input_tokens=usage and usage.input_tokens,
                    output_tokens=usage and usage.output_tokens,
                    cache_read_tokens=usage and usage.cache_read_tokens,
                    cache_write_tokens=usage and usage.cache_write_tokens,
                    reasoning_tokens=usage and usage.reasoning_tokens,
                    cost=price.amount,
                    currency=price.currency,
                    price_source=price.source,
                    price_version=price.version,
                    latency_ms=latency_ms,
                    first_byte_ms=first_byte_ms,
                    settled_at=func.clock_timestamp(),
                )
            )

    @staticmethod
    def _require_capacity(connection: Connection, call: CallRequest, scopes: list[str]) -> None:
        connection.execute(
            insert(budget).values([{"scope": scope} for scope in scopes]).on_conflict_do_nothing()
        )
        rows = connection.execute(
            select(budget).where(budget.c.scope.in_(scopes)).order_by(budget.c.scope).with_for_update()
        ).all()
        for row in rows:
            if row.stopped_by is not None:
                raise stop_of(row.scope, row.stopped_by)
        for row in rows:
            if row.cap_tokens is not None:
                left = row.cap_tokens - row.spent_tokens - row.reserved_tokens
                if call.estimated_tokens > left:
                    raise _spent(row.scope, f"{row.cap_tokens} tokens", left, call.estimated_tokens)
            if row.cap_usd is not None and call.estimated_usd is not None:
                rest = row.cap_usd - row.spent_usd - row.reserved_usd
                if call.estimated_usd > rest:
                    raise _spent(row.scope, _usd(row.cap_usd), _usd(rest), _usd(call.estimated_usd))
            elif row.cap_usd is not None and row.cap_tokens is None:
                raise BudgetSpent(
                    f"{row.scope} is capped at {_usd(row.cap_usd)}, but nobody knows what {call.model} "
                    "costs; cap its tokens too, or give its price in the provider's connection",
                    scope=row.scope,
                )


def _usd(amount: Decimal) -> str:
    return f"${amount:.4f}"


def _how(scope: str) -> str:
    if scope.startswith("session:"):  # the next session gets a budget of its own
        return "the role's limits in roles.yaml"
    return f"`bridle budget '{scope}' --usd N` or `--tokens N`"


def _spent(scope: str, cap: str, left: object, wanted: object) -> BudgetSpent:
    return BudgetSpent(
        f"the budget of {scope} is spent: of {cap} {left} are left and the next call may take {wanted}; "
        f"raise it ({_how(scope)}) and clear the task to go on from its last checkpoint",
        scope=scope,
    )
