"""`GET /bridle/api/overview`."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
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
from bridle.ledger.costs import CostRow, in_all
from bridle.ledger.reading import Steps
from bridle.ledger.records import BudgetRow
from bridle.ledger.records import Totals as Spent
from bridle.ledger.run_list import those_with_sessions
from bridle.ledger.spending import Span, spent_on_days
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
    spent = [(row, totals_of(row)) for row in queries().rows(spent_on_days(Span(dags, first)))]
    return Overview(
        since=since,
        running=run_rows.named(runs_in(UNDER_WAY, ours), limit=MOST_RUNS),
        waiting=waiting(user, dags),
        failed=run_rows.named(
            runs_in(("failed",), ours, ended_since=datetime.now(UTC) - timedelta(hours=24)), limit=MOST_RUNS
        ),
        spent_today=_spent_today(today, _added(spent, "day", str(today)), dags),
        series={key: _series(spent, key) for key in get_args(SeriesKey)},
        success_rate=_success_rate(since, ours),
        rounds_per_task=_share(queries().rounds_since(since, dags)),
        orchestration_share=Share.of(
            _added(spent, "role", ORCHESTRATOR).usage.total, sum(totals.usage.total for _, totals in spent)
        ),
    )


def _spent_today(today: date, spent: Spent, dags: frozenset[str]) -> SpentToday:
    mine, every_day = f"day:{today}", "day:*"
    found = {row["scope"]: BudgetRow(**row) for row in queries().rows(budgets_of([mine, every_day]))}
    # a day on which nothing was called yet has no row of its own
    cap = found.get(mine) or found.get(every_day) or BudgetRow(mine)
    counted = found.get(mine, BudgetRow(mine)) if sees_all(dags) else None
    return SpentToday(
        day=today.isoformat(),
        totals=Totals.of(spent),
        cap_usd=cap.cap_usd,
        cap_tokens=cap.cap_tokens,
        counted_usd=counted.spent_usd if counted else None,
        counted_tokens=counted.spent_tokens if counted else None,
    )


def _series(rows: Sequence[tuple[RowMapping, Spent]], key: str) -> list[Point]:
    named: dict[tuple[str, str], list[Spent]] = defaultdict(list)
    for row, totals in rows:
        named[row["day"], row[key]].append(totals)
    return [
        Point(
            day=day,
            name=name,
            tokens=sum(totals.usage.total for totals in mine),
            known_usd=sum((totals.known_usd for totals in mine), Decimal(0)),
            unknown_calls=sum(totals.unknown_calls for totals in mine),
        )
        for (day, name), mine in sorted(named.items(), key=lambda item: item[0])
    ]


def _added(rows: Sequence[tuple[RowMapping, Spent]], key: str, value: str) -> Spent:
    return in_all([CostRow(value, totals) for row, totals in rows if row[key] == value])


def _success_rate(since: datetime, dags: Collection[str]) -> Share:
    ended = ended_since(since, dags)
    ours = queries().rows(those_with_sessions(list(ended)))
    states = [ended[row["dag_id"], row["run_id"]] for row in ours]
    succeeded = states.count("success")
    return Share.of(succeeded, succeeded + states.count("failed"))


def _share(steps: Steps) -> Share:
    return Share.of(steps.rounds, steps.steps)
