"""`GET /bridle/api/overview`."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, get_args

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping

from bridle.dashboard import run_rows
from bridle.dashboard.airflow_state import UNDER_WAY, ended_since, runs_in
from bridle.dashboard.approvals import waiting
from bridle.dashboard.books import ledger, queries
from bridle.dashboard.rights import ReadableDags, User
from bridle.dashboard.shapes.base import Share, Totals
from bridle.dashboard.shapes.overview import Overview, Point, SeriesKey, SpentToday
from bridle.ledger.reading import Steps
from bridle.ledger.spending import Span, spent_daily, spent_in
from bridle.ledger.summaries import spending
from bridle.ledger.totals import totals_of

router = APIRouter()

MOST_RUNS = 50
ORCHESTRATOR = "orchestrator"


@router.get("/overview")
def overview(user: User, dags: ReadableDags, days: Annotated[int, Query(ge=1, le=366)] = 14) -> Overview:
    """The first page."""
    today = queries().today()
    first = today - timedelta(days=days - 1)
    since = datetime.combine(first, time(), UTC)
    span = Span(dags, first)
    return Overview(
        since=since,
        running=run_rows.named(runs_in(UNDER_WAY, dags, limit=MOST_RUNS)),
        waiting=waiting(user, dags),
        failed=run_rows.named(
            runs_in(("failed",), dags, ended_since=datetime.now(UTC) - timedelta(hours=24), limit=MOST_RUNS)
        ),
        spent_today=_spent_today(today, dags),
        series={
            key: [_point(row) for row in queries().rows(spent_daily(key, span))]
            for key in get_args(SeriesKey)
        },
        success_rate=_success_rate(since, dags),
        rounds_per_task=_share(queries().rounds_since(since, dags)),
        orchestration_share=_orchestration(span),
    )


def _spent_today(today: date, dags: frozenset[str]) -> SpentToday:
    budget = ledger().budget(f"day:{today}")
    sees_all = queries().dags() <= dags
    return SpentToday(
        day=today.isoformat(),
        totals=Totals.of(totals_of(queries().rows(spent_in(Span(dags, today, today).clause))[0])),
        cap_usd=budget.cap_usd if budget else None,
        cap_tokens=budget.cap_tokens if budget else None,
        counted_usd=None if not sees_all else budget.spent_usd if budget else Decimal(0),
        counted_tokens=None if not sees_all else budget.spent_tokens if budget else 0,
    )


def _point(row: RowMapping) -> Point:
    totals = totals_of(row)
    return Point(
        day=row["day"],
        name=row["name"],
        tokens=totals.usage.total,
        known_usd=totals.known_usd,
        unknown_calls=totals.unknown_calls,
    )


def _success_rate(since: datetime, dags: frozenset[str]) -> Share:
    ended = ended_since(since, dags)
    ours = queries().runs_since(since - timedelta(days=31), dags)
    states = [state for key, state in ended.items() if key in ours]
    succeeded = states.count("success")
    return Share.of(succeeded, succeeded + states.count("failed"))


def _share(steps: Steps) -> Share:
    return Share.of(steps.rounds, steps.steps)


def _orchestration(span: Span) -> Share:
    every = totals_of(queries().rows(spent_in(span.clause))[0])
    mine = totals_of(queries().rows(spent_in(span.clause & (spending.c.role == ORCHESTRATOR)))[0])
    return Share.of(mine.usage.total, every.usage.total)
