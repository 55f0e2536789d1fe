"""Budgets as lists show them, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, any_, cast, false, func, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from bridle.ledger.records import BudgetRow
from bridle.ledger.schema import budget, loop
from bridle.ledger.views import budget_in_force

KINDS = ("all", "day", "loop", "run", "step")
"""What stands before the colon of a scope, in the order of a list. Sessions are left out: too many."""

_b = budget_in_force.c
_kind: ColumnElement[str] = func.split_part(_b.scope, literal_column("':'"), literal_column("1"))


@dataclass(frozen=True)
class Sight:
    """Which budgets may be seen."""

    dags: Collection[str]
    """Those of these DAGs,"""
    all: bool
    """and of all DAGs together."""

    def clause(self, kind: str) -> ColumnElement[bool]:
        """As a condition on the budgets of one kind."""
        shared = true() if self.all else false()
        if kind == "all":
            return shared
        if kind == "loop":
            of_loop = select(func.concat("loop:", loop.c.id)).where(loop.c.dag_id.in_(self.dags))
            return _b.scope.in_(of_loop)
        if kind == "day":
            dag_id = func.split_part(_b.scope, "/", 2)
            return dag_id.in_(self.dags) | ((dag_id == "") & shared)
        return func.split_part(func.substr(_b.scope, len(kind) + 2), "/", 1).in_(self.dags)


def page_of_budgets(kind: str, sight: Sight, *, before: str | None, limit: int) -> Select[Any]:
    """Budgets of one kind that are capped or stopped, backwards by name from the one before `before`."""
    capped = or_(_b.cap_usd.is_not(None), _b.cap_tokens.is_not(None), _b.stopped_by.is_not(None))
    query = select(*_columns()).where(_kind == kind, capped, sight.clause(kind))
    if before is not None:
        query = query.where(_b.scope < before)
    return query.order_by(_b.scope.desc()).limit(limit)


def budgets_of(scopes: Collection[str]) -> Select[Any]:
    """The budgets of these scopes, days among them, as far as there are any."""
    return select(*_columns()).where(_b.scope.in_(scopes))


def own_budgets_of(scopes: Collection[str]) -> Select[Any]:
    """The same for many scopes, no days: what holds for every day is no matter for them."""
    names = cast(list(scopes), ARRAY(Text))
    columns = [budget.c[name] for name in BudgetRow.__dataclass_fields__]
    return select(*columns).where(budget.c.scope == any_(names))


def _columns() -> list[ColumnElement[Any]]:
    return [_b[name] for name in BudgetRow.__dataclass_fields__]
