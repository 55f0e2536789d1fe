"""`GET /bridle/api/budgets` and `GET /bridle/api/budgets/burn-down`."""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal

from fastapi import APIRouter, HTTPException

from bridle.dashboard.books import ledger, queries
from bridle.dashboard.rights import ReadableDags
from bridle.dashboard.shapes.budgets import Budget, Budgets, BurnDown, Burned
from bridle.ledger.burning import burned_in
from bridle.ledger.records import BudgetRow

router = APIRouter()

PAGE = 200


@router.get("/budgets")
def budgets(dags: ReadableDags, cursor: int = 0) -> Budgets:
    """What is capped or stopped, of what the user may see."""
    sees = _sight(dags)
    shown = [budget for budget in map(budget_of, ledger().budgets()) if sees(budget)]
    shown.sort(key=lambda budget: budget.scope, reverse=True)
    shown.sort(key=lambda budget: _ORDER.index(budget.kind))
    following = cursor + PAGE
    return Budgets(budgets=shown[cursor:following], next=str(following) if following < len(shown) else None)


@router.get("/budgets/burn-down")
def burn_down(dags: ReadableDags, scope: str) -> BurnDown:
    """How one budget was spent."""
    row = ledger().budget(scope)
    budget = None if row is None else budget_of(row)
    if budget is None or not _sight(dags)(budget):
        raise HTTPException(403, "Forbidden")
    points: list[Burned] = []
    usd, tokens = Decimal(0), 0
    for found in queries().rows(burned_in(scope, hourly=budget.kind == "day")):
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


def budget_of(row: BudgetRow) -> Budget:
    """A budget with what its scope belongs to."""
    kind, _, name = row.scope.partition(":")
    dag_id = run_id = loop_id = None
    if kind in ("run", "step"):
        dag_id, run_id = [*name.split("/"), ""][:2]
    elif kind == "day":
        dag_id = name.partition("/")[2] or None
    elif kind == "loop":
        loop_id, dag_id = name, queries().dag_of_loop(name)
    return Budget(**asdict(row), kind=kind, dag_id=dag_id, run_id=run_id, loop_id=loop_id)


def _sight(dags: frozenset[str]) -> Callable[[Budget], bool]:
    """Which budgets a user sees who may read these DAGs."""
    sees_all = queries().dags() <= dags
    return lambda budget: sees_all if budget.dag_id is None else budget.dag_id in dags


_ORDER = ("all", "day", "loop", "run", "step", "session")
