"""What the command line and the dashboard read; nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, RowMapping, Select, Table, select

from bridle.ledger.checks import check_of, decision_of
from bridle.ledger.costs import (
    CostKey,
    CostRow,
    CountedCall,
    Which,
    added_up,
    cost_row,
    counted_call,
    each_call,
)
from bridle.ledger.database import Database
from bridle.ledger.effect_log import effect_of
from bridle.ledger.failures import FailureRow, failure_of
from bridle.ledger.records import (
    CheckRow,
    DecisionRow,
    EffectRow,
    EventRow,
    Price,
    ReviewRow,
    SessionRow,
    StepKey,
    Totals,
    Usage,
)
from bridle.ledger.reviews import APPROVE, REJECT, review_of
from bridle.ledger.run_list import RunKey, totals_of_runs
from bridle.ledger.schema import (
    budget,
    check_run,
    decision,
    effect,
    event,
    failure,
    model_call,
    review,
    session,
)
from bridle.ledger.sessions import session_of
from bridle.ledger.totals import sums, totals_of
from bridle.ledger.views import effect_history

if TYPE_CHECKING:
    from bridle.ledger.store import Ledger


@dataclass(frozen=True)
class StepRow:
    """One step of a run: its sessions in order, and what they came to together."""

    step: StepKey
    sessions: tuple[SessionRow, ...]
    checks: tuple[CheckRow, ...]
    totals: Totals


@dataclass(frozen=True)
class CallRow:
    """One model call."""

    id: UUID
    session_id: UUID
    dialect: str
    provider: str
    """Who was asked; empty for calls from before it was written down."""
    model: str
    answered_model: str | None
    state: str
    """`reserved`, `settled` or `given_up`."""
    status: str | None
    http_status: int | None
    usage: Usage | None
    """None: unknown."""
    price: Price
    estimated_tokens: int
    estimated_usd: Decimal | None
    request_bytes: int
    latency_ms: int | None
    first_byte_ms: int | None
    reserved_at: datetime
    settled_at: datetime | None


class Queries:
    """Reading. A context manager; safe to share between threads."""

    def __init__(self, url: str, *, connections: int = 1, patience_seconds: float = 0) -> None:
        """Connect to nothing yet.

        Args:
            url: SQLAlchemy or libpq URL of the ledger's database; a user who may only read is enough.
            patience_seconds: how long to wait for a server that is away.
            connections: at most so many at once.

        Raises:
            ConfigError: the URL is none of Postgres.
        """
        self._db = Database(url, connections=connections, patience_seconds=patience_seconds)

    @classmethod
    def of(cls, ledger: "Ledger") -> Self:
        """What a task reads of its own ledger, as patiently as that writes."""
        return cls(ledger.url, patience_seconds=ledger.patience_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; using it again opens another."""
        self._db.close()

    def totals_of_runs(self, keys: Sequence[RunKey]) -> dict[RunKey, Totals]:
        """What each of these runs came to; those that called no model are left out."""
        return {(row["dag_id"], row["run_id"]): totals_of(row) for row in self.rows(totals_of_runs(keys))}

    def run(self, dag_id: str, run_id: str) -> list[StepRow]:
        """The steps of a run that had sessions or checks, in the order in which they began."""
        sessions = [session_of(row) for row in self.rows(_of_run(session, dag_id, run_id))]
        checks = self.checks(dag_id, run_id)
        first: dict[StepKey, UUID] = {}
        for step, began in [(row.attempt.step, row.id) for row in sessions] + [
            (row.attempt.step, row.id) for row in checks
        ]:
            first[step] = min(began, first.get(step, began))
        c = session.c
        spent = self._sums([c.task_id, c.map_index], (c.dag_id == dag_id) & (c.run_id == run_id))
        return [
            StepRow(
                step=step,
                sessions=tuple(row for row in sessions if row.attempt.step == step),
                checks=tuple(row for row in checks if row.attempt.step == step),
                totals=spent.get((step.task_id, step.map_index), NOTHING),
            )
            for step in sorted(first, key=lambda step: first[step])
        ]

    def sessions(
        self, dag_id: str | None = None, run_id: str | None = None, *, limit: int = 100
    ) -> list[SessionRow]:
        """Sessions, newest first."""
        query = select(session).order_by(session.c.id.desc()).limit(limit)
        return [session_of(row) for row in self.rows(_narrow(query, session, dag_id, run_id))]

    def checks(self, dag_id: str, run_id: str, *, oldest: UUID | None = None) -> list[CheckRow]:
        """A run's checks in order; with `oldest` none of sessions that are older than this one."""
        query = _of_run(check_run, dag_id, run_id)
        if oldest is not None:
            query = query.where(check_run.c.session_id.is_(None) | (check_run.c.session_id >= oldest))
        return [check_of(row) for row in self.rows(query)]

    def calls(self, session_id: UUID) -> list[CallRow]:
        """A session's model calls in order."""
        query = select(model_call).where(model_call.c.session_id == session_id).order_by(model_call.c.id)
        return [_call_of(row) for row in self.rows(query)]

    def events(self, session_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[EventRow]:
        """A session's events in order, from the one behind number `after`."""
        query = (
            select(event)
            .where(event.c.session_id == session_id, event.c.seq > after)
            .order_by(event.c.seq)
            .limit(limit)
        )
        return [EventRow(**row) for row in self.rows(query)]

    def decisions(self, dag_id: str, run_id: str) -> list[DecisionRow]:
        """A run's decisions in order."""
        return [decision_of(row) for row in self.rows(_of_run(decision, dag_id, run_id))]

    def failures(self, dag_id: str, run_id: str) -> list[FailureRow]:
        """A run's failed tries in order."""
        return [failure_of(row) for row in self.rows(_of_run(failure, dag_id, run_id))]

    def reviews(
        self,
        dag_id: str | None = None,
        run_id: str | None = None,
        *,
        pending: bool = False,
        limit: int | None = 100,
    ) -> list[ReviewRow]:
        """Reviews, newest first; with `pending` only those without an answer."""
        query = select(review).order_by(review.c.id.desc()).limit(limit)
        if pending:
            query = query.where(review.c.decision.is_(None))
        return [review_of(row) for row in self.rows(_narrow(query, review, dag_id, run_id))]

    def effects(
        self,
        dag_id: str | None = None,
        run_id: str | None = None,
        *,
        kinds: Sequence[str] | None = None,
        limit: int | None = 100,
    ) -> list[EffectRow]:
        """Outside writes as each run made them, newest first; with `kinds` only those.

        Of an object that several runs have written to, each run has its own.
        """
        query = select(effect_history).order_by(effect_history.c.intended_at.desc()).limit(limit)
        if kinds is not None:
            query = query.where(effect_history.c.kind.in_(kinds))
        return [effect_of(row) for row in self.rows(_narrow(query, effect_history, dag_id, run_id))]

    def newest_effects(self, kinds: Sequence[str]) -> list[EffectRow]:
        """Of each object of these kinds the write that was intended last: the run of that has it now."""
        query = select(effect).where(effect.c.kind.in_(kinds)).order_by(effect.c.intended_at.desc())
        return [effect_of(row) for row in self.rows(query)]

    def stopped_scopes(self) -> set[str]:
        """Everything that somebody has asked to stop: `run:…`, `loop:…` and the like."""
        stopped = budget.c.stopped_by.is_not(None)
        return {row["scope"] for row in self.rows(select(budget.c.scope).where(stopped))}

    def rejected_runs(self) -> set[RunKey]:
        """Runs whose newest answer of a human is a rejection."""
        c = review.c
        answered = select(c.dag_id, c.run_id, c.decision).where(c.decision.in_((APPROVE, REJECT)))
        rows = self.rows(answered.order_by(c.answered_at))
        newest = {(row["dag_id"], row["run_id"]): row["decision"] for row in rows}
        return {run for run, decision in newest.items() if decision == REJECT}

    def cost(
        self, by: CostKey = "run", *, since: datetime | None = None, run: tuple[str, str] | None = None
    ) -> list[CostRow]:
        """What model calls came to, the dearest first.

        Args:
            by: what to add up by.
            since: only calls reserved from then on.
            run: only those of this DAG and run.

        Raises:
            ConfigError: nothing is kept by that.
        """
        rows = map(cost_row, self.rows(added_up(by, Which(since, run))))
        return sorted(rows, key=lambda row: (row.totals.known_usd, row.name), reverse=True)

    def counted_calls(
        self, by: CostKey = "run", *, since: datetime | None = None, run: tuple[str, str] | None = None
    ) -> list[CountedCall]:
        """The same calls one by one: a price has tiers, so their sum cannot be priced again."""
        return [counted_call(row) for row in self.rows(each_call(by, Which(since, run)))]

    def _sums(self, keys: list[Any], where: ColumnElement[bool]) -> dict[tuple[Any, ...], Totals]:
        named = [key.label(f"key{number}") for number, key in enumerate(keys)]
        query = (
            select(*named, *sums())
            .select_from(model_call.join(session, model_call.c.session_id == session.c.id))
            .where(where)
            .group_by(*named)
        )
        names = [key.name for key in named]
        return {tuple(row[name] for name in names): totals_of(row) for row in self.rows(query)}

    def rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Whatever a query of this room asks for."""
        with self._db.transaction() as connection:
            return connection.execute(query).mappings().all()


NOTHING = Totals(0, Usage(), Decimal(0), 0)


def _of_run(table: Table, dag_id: str, run_id: str) -> Select[Any]:
    return select(table).where(table.c.dag_id == dag_id, table.c.run_id == run_id).order_by(table.c.id)


def _narrow(query: Select[Any], table: FromClause, dag_id: str | None, run_id: str | None) -> Select[Any]:
    if dag_id is not None:
        query = query.where(table.c.dag_id == dag_id)
    return query if run_id is None else query.where(table.c.run_id == run_id)


def _call_of(row: RowMapping) -> CallRow:
    made = ("usage", "price")
    usage = None
    if row["input_tokens"] is not None:
        usage = Usage(**{name: row[name] for name in Usage.__dataclass_fields__})
    price = Price(row["cost"], row["currency"] or "USD", row["price_source"], row["price_version"])
    plain = {name: row[name] for name in CallRow.__dataclass_fields__ if name not in made}
    return CallRow(usage=usage, price=price, **plain)
