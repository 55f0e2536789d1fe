"""Caps, counters and stop flags, each for one scope."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import ConfigError
from bridle.ledger.part import Part
from bridle.ledger.records import Allowances, Attempt, BudgetRow, Cap
from bridle.ledger.refusal import stop_of
from bridle.ledger.schema import budget
from bridle.ledger.views import budget_in_force

EVERYTHING = "all"
_SCOPE = re.compile(r"all|(run|step|session|loop):.+|day:\d{4}-\d\d-\d\d(/.+)?")


class Budgets(Part):
    """Caps and stop flags.

    A scope is `all`, `run:dag/run`, `step:dag/run/task`, `session:<uuid>`, `loop:<id>`, `day:YYYY-MM-DD` or
    `day:YYYY-MM-DD/dag`. The rows `day:*` and `day:*/dag` belong to roles.yaml: they have the caps of days
    without caps of their own.
    """

    def set_budget(
        self, scope: str, *, cap_usd: Decimal | None, cap_tokens: int | None, by: str | None = None
    ) -> None:
        """Cap a scope, or raise or lower its caps; what it has spent stays.

        Args:
            scope: whose calls count.
            cap_usd: US dollars; None: no cap.
            cap_tokens: input and output together; None: no cap.
            by: who says so; what a `human:<user>` has set is not overwritten by a step that begins.

        Raises:
            ConfigError: no such kind of scope, or a negative cap.
        """
        _require_caps(scope, cap_usd, cap_tokens)
        self._put(scope, cap_usd=cap_usd, cap_tokens=cap_tokens, capped_by=by and self._door.line(by))

    def change_budget(self, scope: str, *, cap_usd: Decimal | None, cap_tokens: int | None, by: str) -> None:
        """Raise or lower one or both of a scope's caps.

        Args:
            scope: whose calls count.
            cap_usd: US dollars; None: as it is.
            cap_tokens: input and output together; None: as it is.
            by: who says so: `human:<user>`.

        Raises:
            ConfigError: no such kind of scope, or a negative cap.
        """
        _require_caps(scope, cap_usd, cap_tokens)
        wanted = {"cap_usd": cap_usd, "cap_tokens": cap_tokens}
        changed = {name: value for name, value in wanted.items() if value is not None}
        self._put(scope, **changed, capped_by=self._door.line(by))

    def open_budgets(self, attempt: Attempt, allowed: Allowances) -> None:
        """Set the caps that a step begins under; those that are there already stay.

        Caps of every day are written over: the newest roles.yaml counts. A step is allowed its cap once for
        each generation, on top of what earlier ones have spent.
        """
        step, run = attempt.step.scope, attempt.step.run_scope
        with self._db.transaction() as connection:
            _cap_every_day(connection, "day:*", allowed.day)
            _cap_every_day(connection, f"day:*/{attempt.step.dag_id}", allowed.dag_day)
            if attempt.loop_id:
                _cap_once(connection, f"loop:{attempt.loop_id}", allowed.loop, "roles.yaml")
            _cap_once(connection, run, allowed.run, allowed.by)
            _cap_generation(connection, step, allowed.step, attempt.generation)

    def budget(self, scope: str) -> BudgetRow | None:
        """A scope's caps and counters; None when nothing was ever capped, spent or stopped there."""
        query = select(*_columns()).where(budget_in_force.c.scope == scope)
        with self._db.transaction() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else BudgetRow(**row)

    def budgets(self) -> list[BudgetRow]:
        """Every scope that is capped or stopped, by name; sessions left out: there are too many."""
        b = budget_in_force.c
        of_interest = b.cap_usd.is_not(None) | b.cap_tokens.is_not(None) | b.stopped_by.is_not(None)
        query = select(*_columns()).where(of_interest, b.scope.not_like("session:%")).order_by(b.scope)
        with self._db.transaction() as connection:
            return [BudgetRow(**row) for row in connection.execute(query).mappings()]

    def request_stop(self, scope: str, by: str) -> None:
        """Ask everything in a scope to stop: no further round, model call, commit or effect.

        Args:
            scope: what shall stop.
            by: who asks, for instance `human:ada`.
        """
        _require_scope(scope)
        self._put(scope, stopped_by=self._door.line(by), stopped_at=func.clock_timestamp())

    def clear_stop(self, scope: str) -> None:
        """Take a stop back."""
        _require_scope(scope)
        self._put(scope, stopped_by=None, stopped_at=None)

    def _put(self, scope: str, **values: object) -> None:
        statement = insert(budget).values(scope=scope, **values)
        with self._db.transaction() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=[budget.c.scope], set_=values))


def _columns() -> list[ColumnElement[Any]]:
    return [budget_in_force.c[name] for name in BudgetRow.__dataclass_fields__]


def require_no_stop(connection: Connection, scopes: Iterable[str]) -> None:
    """Raises StopRequested when one of the scopes, today, a run's DAG today, or everything, shall stop."""
    scope = budget.c.scope
    named = {EVERYTHING, *scopes}
    dags = {name.removeprefix("run:").partition("/")[0] for name in named if name.startswith("run:")}
    today = select(func.bridle.today(type_=Text)).scalar_subquery()  # asked for once: the index is of use
    row = connection.execute(
        select(scope, budget.c.stopped_by)
        .where(
            or_(scope.in_(named), *(scope == today.concat(end) for end in ["", *(f"/{dag}" for dag in dags)]))
        )
        .where(budget.c.stopped_by.is_not(None))
        .limit(1)
    ).first()
    if row is not None:
        raise stop_of(row.scope, row.stopped_by)


def _cap_every_day(connection: Connection, scope: str, cap: Cap) -> None:
    row = insert(budget).values(scope=scope, cap_usd=cap.usd, cap_tokens=cap.tokens, capped_by="roles.yaml")
    changed = budget.c.cap_usd.is_distinct_from(cap.usd) | budget.c.cap_tokens.is_distinct_from(cap.tokens)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[budget.c.scope],
            set_={"cap_usd": cap.usd, "cap_tokens": cap.tokens, "capped_by": "roles.yaml"},
            where=changed,
        )
    )


def _cap_once(connection: Connection, scope: str, cap: Cap, by: str) -> None:
    if cap == Cap():
        return
    values = {"cap_usd": cap.usd, "cap_tokens": cap.tokens, "capped_by": by}
    uncapped = budget.c.cap_usd.is_(None) & budget.c.cap_tokens.is_(None)
    connection.execute(
        insert(budget)
        .values(scope=scope, **values)
        .on_conflict_do_update(index_elements=[budget.c.scope], set_=values, where=uncapped)
    )


def _cap_generation(connection: Connection, scope: str, cap: Cap, generation: int) -> None:
    if cap == Cap():
        return
    b = budget.c
    connection.execute(
        insert(budget)
        .values(
            scope=scope,
            cap_usd=cap.usd,
            cap_tokens=cap.tokens,
            generation=generation,
            capped_by="roles.yaml",
        )
        .on_conflict_do_update(
            index_elements=[b.scope],
            set_={
                "cap_usd": None if cap.usd is None else b.spent_usd + b.reserved_usd + cap.usd,
                "cap_tokens": None if cap.tokens is None else b.spent_tokens + b.reserved_tokens + cap.tokens,
                "generation": generation,
                "capped_by": "roles.yaml",
            },
            where=func.coalesce(b.generation < generation, True)
            & func.coalesce(b.capped_by.not_like("human:%"), True),
        )
    )


def _require_caps(scope: str, usd: Decimal | None, tokens: int | None) -> None:
    _require_scope(scope)
    if (usd is not None and usd < 0) or (tokens is not None and tokens < 0):
        raise ConfigError(f"the budget of {scope} is negative: {usd} USD, {tokens} tokens")


def _require_scope(scope: str) -> None:
    if not _SCOPE.fullmatch(scope):
        raise ConfigError(
            f"{scope!r} is no scope; use `all`, `day:YYYY-MM-DD`, or run:, step:, session: or loop: "
            "and a name (what every day may cost is set in roles.yaml: `budgets`)"
        )
