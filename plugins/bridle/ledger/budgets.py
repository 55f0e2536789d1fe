"""Caps, counters and stop flags, each for one scope."""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import ConfigError, StopRequested
from bridle.ledger.part import Part
from bridle.ledger.records import BudgetRow
from bridle.ledger.schema import budget

EVERYTHING = "all"
_KINDS = ("run", "step", "session", "day", "loop")


class Budgets(Part):
    """Caps and stop flags.

    A scope is `all`, `run:dag/run`, `step:dag/run/task`, `session:<uuid>`, `day:YYYY-MM-DD` or `loop:<id>`.
    """

    def set_budget(self, scope: str, *, cap_usd: Decimal | None, cap_tokens: int | None) -> None:
        """Cap a scope, or raise or lower its caps; what it has spent stays.

        Args:
            scope: whose calls count.
            cap_usd: US dollars; None: no cap.
            cap_tokens: input and output together; None: no cap.

        Raises:
            ConfigError: no such kind of scope, or a negative cap.
        """
        _require_scope(scope)
        if (cap_usd is not None and cap_usd < 0) or (cap_tokens is not None and cap_tokens < 0):
            raise ConfigError(f"the budget of {scope} is negative: {cap_usd} USD, {cap_tokens} tokens")
        caps = {"cap_usd": cap_usd, "cap_tokens": cap_tokens}
        self._put(scope, **caps)

    def cap_once(self, scope: str, *, cap_usd: Decimal | None, cap_tokens: int | None) -> None:
        """Cap a scope that has never been capped; caps that are there stay, a person may have raised them.

        Args:
            scope: whose calls count.
            cap_usd: US dollars; None: no cap.
            cap_tokens: input and output together; None: no cap.

        Raises:
            ConfigError: no such kind of scope.
        """
        _require_scope(scope)
        caps = {"cap_usd": cap_usd, "cap_tokens": cap_tokens}
        statement = insert(budget).values(scope=scope, **caps)
        uncapped = budget.c.cap_usd.is_(None) & budget.c.cap_tokens.is_(None)
        with self._db.transaction() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=[budget.c.scope], set_=caps, where=uncapped)
            )

    def budget(self, scope: str) -> BudgetRow | None:
        """A scope's caps and counters; None when nothing was ever capped, spent or stopped there."""
        with self._db.transaction() as connection:
            row = connection.execute(select(budget).where(budget.c.scope == scope)).mappings().first()
        if row is None:
            return None
        return BudgetRow(**{name: value for name, value in row.items() if name != "stopped_at"})

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


def require_no_stop(connection: Connection, scopes: Iterable[str]) -> None:
    """Raises StopRequested when one of the scopes, or everything, shall stop."""
    row = connection.execute(
        select(budget.c.scope, budget.c.stopped_by)
        .where(budget.c.scope.in_([EVERYTHING, *scopes]), budget.c.stopped_by.is_not(None))
        .limit(1)
    ).first()
    if row is not None:
        raise stop_of(row.scope, row.stopped_by)


def stop_of(scope: str, by: str) -> StopRequested:
    """The exception for a stop flag."""
    return StopRequested(f"{by} asked {scope} to stop; clear the stop and then the task to go on")


def _require_scope(scope: str) -> None:
    kind, _, rest = scope.partition(":")
    if scope != EVERYTHING and not (kind in _KINDS and rest):
        raise ConfigError(f"{scope!r} is no scope; use `all`, or one of {', '.join(_KINDS)} and its name")
