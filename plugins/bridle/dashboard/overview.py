"""`GET /bridle/api/overview`."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, get_args

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping

from bridle.dashboard import run_rows
from bridle.dashboard.airflow_state import UNDER_WAY, ended_since, runs_in
from bridle.dashboard.approvals import waiting
from bridle.dashboard.books import queries
from bridle.dashboard.rights import ReadableDags, User, sees_all
from bridle.dashboard.shapes.base import Share, Totals
from bridle.dashboard.shapes.overview import Overview, Point, SeriesKey, SpentToday
from bridle.ledger.budget_list import budgets_of
from bridle.ledger.reading import Steps
from bridle.ledger.records import BudgetRow
from bridle.ledger.run_list import states_counted
from bridle.ledger.spending import Span, spent_in_all, spent_on_days
from bridle.ledger.totals import totals_of

router = APIRouter()

MOST_RUNS = 50
ORCHESTRATOR = "orchestrator"


@router.get("/overview")
def overview(user: User, dags: ReadableDags, days: Annotated[int, Query(ge=1, le=366)] = 14) -> Overview:
    """The first page."""
    today, ours = queries().today(), queries().dags() & dags
    first = today - timedelta(days=days - 1)
    since = datetime.combine(first, time(), UTC)
    series = _series(queries().rows(spent_on_days(Span(dags, first))))
    return Overview(
        since=since,
        running=run_rows.named(runs_in(UNDER_WAY, ours), limit=MOST_RUNS),
        waiting=waiting(user, dags),
        failed=run_rows.named(
            runs_in(("failed",), ours, ended_since=datetime.now(UTC) - timedelta(hours=24)), limit=MOST_RUNS
        ),
        spent_today=_spent_today(today, dags),
        series=series,
        success_rate=_success_rate(since, ours),
        rounds_per_task=_share(queries().rounds_since(since, dags)),
        orchestration_share=Share.of(
            sum(point.tokens for point in series["role"] if point.name == ORCHESTRATOR),
            sum(point.tokens for point in series["role"]),
        ),
    )


def _spent_today(today: date, dags: frozenset[str]) -> SpentToday:
    (spent,) = queries().rows(spent_in_all(Span(dags, today, today)))
    mine, every_day = f"day:{today}", "day:*"
    found = {row["scope"]: BudgetRow(**row) for row in queries().rows(budgets_of([mine, every_day]))}
    # a day on which nothing was called yet has no row of its own
    cap = found.get(mine) or found.get(every_day) or BudgetRow(mine)
    counted = found.get(mine, BudgetRow(mine)) if sees_all(dags) else None
    return SpentToday(
        day=today.isoformat(),
        totals=Totals.of(totals_of(spent)),
        cap_usd=cap.cap_usd,
        cap_tokens=cap.cap_tokens,
        counted_usd=counted.spent_usd if counted else None,
        counted_tokens=counted.spent_tokens if counted else None,
    )


def _series(rows: Sequence[RowMapping]) -> dict[SeriesKey, list[Point]]:
    series: dict[SeriesKey, list[Point]] = {}
    for key in get_args(SeriesKey):
        points = [
            Point(
                day=row["day"],
                name=row[key],
                tokens=int(row["tokens"]),
                known_usd=row["known_usd"],
                unknown_calls=int(row["unknown_calls"]),
            )
            for row in rows
            if row[key] is not None
        ]
        series[key] = sorted(points, key=lambda point: (point.day, point.name))
    return series


def _success_rate(since: datetime, dags: Collection[str]) -> Share:
    ended = queries().rows(states_counted(ended_since(since, dags)))
    runs = {row["state"]: row["runs"] for row in ended}
    succeeded = runs.get("success", 0)
    return Share.of(succeeded, succeeded + runs.get("failed", 0))


def _share(steps: Steps) -> Share:
    return Share.of(steps.rounds, steps.steps)
