"""`GET /bridle/api/budgets` and `GET /bridle/api/budgets/burn-down`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import Select

from bridle.dashboard.books import ledger, queries
from bridle.dashboard.rights import ReadableDags, sees_all
from bridle.dashboard.shapes.budgets import Budget, Budgets, BurnDown, Burned
from bridle.ledger.budget_list import KINDS, Sight, own_budgets_of, page_of_budgets
from bridle.ledger.burning import burned_daily, burned_hourly
from bridle.ledger.records import BudgetRow

router = APIRouter()

PAGE = 200
_EVERY_DAY = "day:*"
"""What roles.yaml allows every day: a cap under which nothing is spent."""


@router.get("/budgets")
def budgets(dags: ReadableDags, cursor: Annotated[str | None, Query(max_length=2_000)] = None) -> Budgets:
    """What is capped or stopped, of what the user may see."""
    sight = Sight(dags, sees_all(dags))
    kind, _, _ = (cursor or "").partition(":")
    rows: list[BudgetRow] = []
    for each in KINDS[KINDS.index(kind) if kind in KINDS else 0 :]:
        before = cursor if each == kind else None
        query = page_of_budgets(each, sight, before=before, limit=PAGE + 1 - len(rows))
        rows += [BudgetRow(**row) for row in queries().rows(query)]
        if len(rows) > PAGE:
            break
    shown = rows[:PAGE]
    return Budgets(budgets=told(shown), next=shown[-1].scope if len(rows) > PAGE else None)


@router.get("/budgets/burn-down")
def burn_down(dags: ReadableDags, scope: str) -> BurnDown:
    """How one budget was spent."""
    row = ledger().budget(scope)
    budget = None if row is None else told([row])[0]
    if budget is None or not (sees_all(dags) if budget.dag_id is None else budget.dag_id in dags):
        raise HTTPException(403, "Forbidden")
    points: list[Burned] = []
    usd, tokens = Decimal(0), 0
    for found in [] if scope.startswith(_EVERY_DAY) else queries().rows(_burned(budget)):
        usd, tokens = usd + found["usd"], tokens + int(found["tokens"])
        points.append(
            Burned(
                at=found["at"],
                spent_usd=found["usd"],
                spent_tokens=int(found["tokens"]),
                total_usd=usd,
                total_tokens=tokens,
            )
        )
    return BurnDown(budget=budget, points=points)


def named(scopes: Sequence[str]) -> list[Budget]:
    """The budgets of these scopes, none of them a day, that there are, in this order."""
    found = {row["scope"]: BudgetRow(**row) for row in queries().rows(own_budgets_of(scopes))}
    return told([found[scope] for scope in scopes if scope in found])


def told(rows: Sequence[BudgetRow]) -> list[Budget]:
    """Budgets, each with what its scope belongs to."""
    loops = [row.scope.removeprefix("loop:") for row in rows if row.scope.startswith("loop:")]
    dags = queries().dags_of_loops(loops)
    return [_budget(row, dags) for row in rows]


def _burned(budget: Budget) -> Select[Any]:
    return (burned_hourly if budget.kind == "day" else burned_daily)(budget.scope)


def _budget(row: BudgetRow, dags_of_loops: dict[str, str]) -> Budget:
    kind, _, name = row.scope.partition(":")
    dag_id = run_id = loop_id = None
    if kind in ("run", "step"):
        dag_id, run_id = [*name.split("/"), ""][:2]
    elif kind == "day":
        dag_id = name.partition("/")[2] or None
    elif kind == "loop":
        loop_id, dag_id = name, dags_of_loops.get(name)
    elif kind == "session":
        dag_id = queries().dag_of_session(UUID(name))
    return Budget(**vars(row), kind=kind, dag_id=dag_id, run_id=run_id, loop_id=loop_id)
