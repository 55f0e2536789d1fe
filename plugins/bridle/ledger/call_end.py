"""Moving a call's reservation into what was spent."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, select, update

from bridle.ledger.schema import budget, model_call


def lock_budgets(connection: Connection, scopes: Iterable[str]) -> None:
    """Lock rows in one order everywhere, so that no two transactions wait for each other."""
    connection.execute(
        select(budget.c.scope).where(budget.c.scope.in_(scopes)).order_by(budget.c.scope).with_for_update()
    )


def move(
    connection: Connection,
    scopes: Iterable[str],
    *,
    reserved_tokens: int = 0,
    reserved_usd: Decimal = Decimal(0),
    spent_tokens: int = 0,
    spent_usd: Decimal = Decimal(0),
) -> None:
    """Change the counters of scopes that are locked already."""
    connection.execute(
        update(budget)
        .where(budget.c.scope.in_(scopes))
        .values(
            reserved_tokens=budget.c.reserved_tokens + reserved_tokens,
            reserved_usd=budget.c.reserved_usd + reserved_usd,
            spent_tokens=budget.c.spent_tokens + spent_tokens,
            spent_usd=budget.c.spent_usd + spent_usd,
        )
    )


def give_up_calls(connection: Connection, session_id: UUID) -> None:
    """Count calls that nobody will settle with their estimates: the provider may well have billed them.

    Their usage and cost stay unknown, and a late `settle` still corrects them.
    """
    waiting = connection.execute(
        select(model_call)
        .where(model_call.c.session_id == session_id, model_call.c.state == "reserved")
        .order_by(model_call.c.id)
        .with_for_update()
    ).all()
    lock_budgets(connection, {scope for call in waiting for scope in call.scopes})
    for call in waiting:
        usd = call.estimated_usd or Decimal(0)
        tokens = call.estimated_tokens
        move(
            connection,
            call.scopes,
            reserved_tokens=-tokens,
            reserved_usd=-usd,
            spent_tokens=tokens,
            spent_usd=usd,
        )
    if waiting:
        connection.execute(
            update(model_call)
            .where(model_call.c.session_id == session_id, model_call.c.state == "reserved")
            .values(state="given_up", status="never answered")
        )
