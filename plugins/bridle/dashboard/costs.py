"""`GET /bridle/api/costs`, `/bridle/api/costs.csv`, `/bridle/api/costs/as-if`."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from bridle.config.roles import roles_in_force
from bridle.config.settings import Settings
from bridle.dashboard.airflow_state import users_of
from bridle.dashboard.books import queries
from bridle.dashboard.rights import ReadableDags
from bridle.dashboard.shapes.base import Totals
from bridle.dashboard.shapes.costs import AsIf, Cost, Costs, CostsBy
from bridle.gateway.price_list import PriceList
from bridle.ledger.costs import CostRow, in_all
from bridle.ledger.records import Usage
from bridle.ledger.spending import (
    Span,
    Spent,
    asked_of_sessions,
    larger_calls,
    spent_by,
    spent_by_user,
    spent_of,
    spent_on_asked,
)
from bridle.ledger.totals import totals_of

router = APIRouter()

Day = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2999, 12, 31))]
"""A UTC day."""


@router.get("/costs")
def costs(
    dags: ReadableDags,
    by: CostsBy = "day",
    since: Day = None,
    until: Day = None,
    dag_id: str | None = None,
) -> Costs:
    """Cost by something, the dearest first."""
    span = Span(dags if dag_id is None else dags & {dag_id}, since, until)
    rows = _by_user(span) if by == "user" else [spent_of(row) for row in queries().rows(spent_by(by, span))]
    if by == "day":
        rows.sort(key=lambda row: row.name)
    else:
        rows.sort(key=lambda row: (-row.totals.known_usd, -row.totals.usage.total, row.name))
    total = in_all([CostRow(row.name, row.totals) for row in rows])
    return Costs(
        by=by,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        rows=[
            Cost(name=row.name, runs=row.runs, sessions=row.sessions, totals=Totals.of(row.totals))
            for row in rows
        ],
        total=Totals.of(total),
    )


@router.get("/costs.csv")
def costs_csv(
    dags: ReadableDags,
    by: CostsBy = "day",
    since: Day = None,
    until: Day = None,
    dag_id: str | None = None,
) -> Response:
    """The same, for a spreadsheet."""
    found = costs(dags, by, since, until, dag_id)
    text = io.StringIO()
    writer = csv.writer(text)
    numbers = list(Totals.model_fields)
    writer.writerow([by, "runs", "sessions", *numbers])
    for row in found.rows:
        told = row.totals.model_dump(mode="json")
        writer.writerow([_cell(row.name), row.runs, row.sessions, *(_said(told[name]) for name in numbers)])
    headers = {
        "Content-Disposition": f'attachment; filename="bridle-costs-by-{by}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


@router.get("/costs/as-if")
def as_if(
    dags: ReadableDags,
    model: str | None = None,
    since: Day = None,
    until: Day = None,
    dag_id: str | None = None,
) -> AsIf:
    """What the same tokens would have cost on one model; default: the dearest of those used."""
    span = Span(dags if dag_id is None else dags & {dag_id}, since, until)
    rows = queries().rows(spent_on_asked(span))
    paid = in_all([CostRow("", totals_of(row)) for row in rows])
    unmeasured = sum(int(row["unmeasured_calls"]) for row in rows)
    unnamed = [] if all(row["provider"] for row in rows) else queries().rows(asked_of_sessions(span))
    asked = {f"{row['provider']}:{row['asked']}" for row in (*rows, *unnamed) if row["provider"]}
    large = [Usage(**row) for row in queries().rows(larger_calls(span))]
    prices = PriceList(roles_in_force(Settings.load()).providers)
    models = sorted(asked)
    small = _without(paid.usage, large)
    priced = {each: prices.as_if_summed(each, small, large) for each in {*models, *filter(None, [model])}}
    known = {each: amount for each, amount in priced.items() if amount is not None}
    chosen = model or (max(sorted(known), key=lambda each: known[each]) if known else None)
    return AsIf(
        model=chosen,
        models=models,
        as_if_usd=priced[chosen] if chosen else None,
        calls=paid.calls,
        unpriced_calls=unmeasured,
        known_usd=paid.known_usd,
        unknown_calls=paid.unknown_calls,
    )


def _without(usage: Usage, calls: Sequence[Usage]) -> Usage:
    names = Usage.__dataclass_fields__
    return Usage(
        **{name: getattr(usage, name) - sum(getattr(call, name) for call in calls) for name in names}
    )


def _by_user(span: Span) -> list[Spent]:
    users = users_of(queries().dags() & frozenset(span.dags))
    return [spent_of(row) for row in queries().rows(spent_by_user(users, span))]


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _said(value: object) -> object:
    return "unknown" if value is None else value
