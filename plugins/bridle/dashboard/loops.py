"""`GET /bridle/api/loops`, `GET /bridle/api/loop`, and what a person does with a loop."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from bridle.dashboard import budgets
from bridle.dashboard.books import ledger, queries
from bridle.dashboard.loop_runs import LoopRuns
from bridle.dashboard.rights import OfLoop, ReadableDags, User, may
from bridle.dashboard.shapes.base import Totals
from bridle.dashboard.shapes.loops import Criterion, Loop, Loops, LoopView, Round, Worker
from bridle.ledger import loop_control
from bridle.ledger.costs import CostRow, in_all
from bridle.ledger.loops import LoopRow, LoopState, RoundRow
from bridle.ledger.queries import NOTHING
from bridle.ledger.records import Totals as Spent
from bridle.ledger.timeline import rounds_of_loops, totals_by_round, totals_of_loops
from bridle.ledger.totals import totals_of

router = APIRouter()

ORCHESTRATOR = "orchestrator"
MOST = 500
"""Loops that are shown."""

Mine = Annotated[str, Depends(OfLoop("GET"))]
Changed = Annotated[str, Depends(OfLoop("PUT"))]


class More(BaseModel):
    """What a loop is given besides."""

    rounds: int | None = Field(default=None, ge=1, le=1_000)
    hours: float | None = Field(default=None, gt=0, le=10_000)
    budget_usd: Decimal | None = Field(default=None, gt=0, le=1_000_000)
    tokens: int | None = Field(default=None, ge=1, le=1_000_000_000_000)


@router.get("/loops")
def loops(dags: ReadableDags, state: LoopState | None = None) -> Loops:
    """Loops, the newest first."""
    return Loops(loops=_told(ledger().loops(state=state, dags=dags, limit=MOST)))


@router.get("/loop")
def loop(user: User, id: Mine) -> LoopView:
    """Everything about one loop."""
    row = ledger().loop(id)
    rounds = ledger().rounds(id)
    spent: dict[str, dict[str, Spent]] = defaultdict(dict)
    for found in queries().rows(totals_by_round(id)):
        spent[found["run_id"]][found["role"]] = totals_of(found)
    return LoopView(
        loop=_told([row])[0],
        start=[criterion for each in rounds if each.round == 0 for criterion in map(_criterion, each.checks)],
        rounds=_rounds([each for each in rounds if each.round > 0], spent),
        budget=next(iter(budgets.named([row.scope])), None),
        may_act=may(user, "PUT", row.dag_id),
        may_resume=may(user, "POST", row.dag_id),
    )


@router.post("/loop/pause")
def pause(user: User, id: Changed) -> Loop:
    """Begin no further round; the one under way goes on to its end."""
    loop_control.pause(ledger(), ledger().loop(id), _by(user.get_name()))
    return _told([ledger().loop(id)])[0]


@router.post("/loop/resume")
def resume(user: User, id: Annotated[str, Depends(OfLoop("POST"))]) -> Loop:
    """Let it go on from where it was."""
    loop_control.resume(ledger(), ledger().loop(id), LoopRuns(user.get_name()))
    return _told([ledger().loop(id)])[0]


@router.post("/loop/extend")
def extend(user: User, id: Changed, more: More) -> Loop:
    """Give it more rounds, more time, more money, or more tokens."""
    row, by = ledger().loop(id), _by(user.get_name())
    loop_control.extend(
        ledger(),
        row,
        by,
        rounds=more.rounds,
        hours=more.hours,
        budget=more.budget_usd,
        tokens=more.tokens,
    )
    return _told([ledger().loop(id)])[0]


@router.post("/loop/stop")
def stop(user: User, id: Changed) -> dict[str, Any]:
    """Stop it, and every session of the round under way; the page then fails these runs in Airflow."""
    row = ledger().loop(id)
    loop_control.stop(ledger(), row, _by(user.get_name()))
    runs = loop_control.under_way(ledger(), row, LoopRuns(user.get_name()))
    return {"dag_id": row.dag_id, "runs": runs}


def _by(user: str) -> str:
    return f"human:{user}"


def _told(rows: Sequence[LoopRow]) -> list[Loop]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    spent = {found["loop_id"]: totals_of(found) for found in queries().rows(totals_of_loops(ids))}
    begun = {found["loop_id"]: found["rounds"] for found in queries().rows(rounds_of_loops(ids))}
    return [
        Loop(
            **{name: value for name, value in asdict(row).items() if name in Loop.model_fields},
            rounds=begun.get(row.id, 0),
            max_rounds=row.params.get("max_rounds"),
            totals=Totals.of(spent.get(row.id, NOTHING)),
        )
        for row in rows
    ]


def _rounds(rows: Sequence[RoundRow], spent: Mapping[str, Mapping[str, Spent]]) -> list[Round]:
    told = []
    cumulated = Decimal(0)
    for row in rows:
        by_role = spent.get(row.run_id, {})
        totals = in_all([CostRow(role, each) for role, each in by_role.items()])
        cumulated += totals.known_usd
        told.append(
            Round(
                round=row.round,
                run_id=row.run_id,
                opened_at=row.opened_at,
                closed_at=row.closed_at,
                base_commit=row.base_commit,
                head_commit=row.head_commit,
                why=str(row.decision.get("why", "")),
                done=bool(row.decision.get("done")),
                postponed=list(row.decision.get("postponed", [])),
                workers=_workers(row),
                criteria=[_criterion(each) for each in row.checks],
                verdict=row.verdict,
                reason=row.reason,
                answered_by=row.answer.get("by"),
                answer=row.answer.get("choice"),
                feedback=str(row.answer.get("feedback", "")),
                totals=Totals.of(totals),
                orchestration_tokens=by_role.get(ORCHESTRATOR, NOTHING).usage.total,
                cumulated_usd=cumulated,
            )
        )
    return told


def _workers(row: RoundRow) -> list[Worker]:
    # one is delivered for each that was dispatched, in the same order
    delivered = [*row.delivered, *({} for _ in row.dispatched[len(row.delivered) :])]
    return [
        Worker(
            title=str(task.get("title", "")),
            prompt=str(task.get("prompt", "")),
            files=[str(path) for path in task.get("files", [])],
            acceptance=str(task.get("acceptance", "")),
            why=str(task.get("why", "")),
            status=came.get("status"),
            problem=str(came.get("why", "")),
            commit=came.get("commit"),
            session_id=came.get("session"),
        )
        for task, came in zip(row.dispatched, delivered, strict=False)
    ]


def _criterion(check: Mapping[str, Any]) -> Criterion:
    return Criterion(
        name=str(check.get("name", "")),
        passed=bool(check.get("passed")),
        failing=[str(name) for name in check.get("failing", [])],
        passing=[str(name) for name in check.get("passing", [])],
        output=str(check.get("tail", "")),
        doubt=str(check.get("doubt", "")),
    )
