"""`GET /bridle/api/run`, and stopping one."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends

from bridle.dashboard import run_rows, spans
from bridle.dashboard.approvals import waiting
from bridle.dashboard.books import ledger, queries
from bridle.dashboard.budgets import budget_of
from bridle.dashboard.rights import OfRun, User, may
from bridle.dashboard.shapes.run import Decision, RunView, SessionName
from bridle.ledger.records import DecisionRow, SessionRow

router = APIRouter()

MOST = 2_000
"""Sessions of one run that are shown."""


@router.get("/run")
def run(user: User, key: Annotated[tuple[str, str], Depends(OfRun("GET"))]) -> RunView:
    """Everything about one run."""
    dag_id, run_id = key
    sessions = list(reversed(queries().sessions(dag_id, run_id, limit=MOST)))
    bars = [
        *spans.of_sessions(sessions),
        *map(spans.of_check, queries().checks(dag_id, run_id)),
        *map(spans.of_review, queries().reviews(dag_id, run_id)),
        *map(spans.of_effect, queries().effects(dag_id, run_id, limit=None)),
    ]
    shown = run_rows.named([key])
    scopes = [f"run:{dag_id}/{run_id}"]
    if shown and shown[0].loop_id:
        scopes.append(f"loop:{shown[0].loop_id}")
    scopes += sorted({row.attempt.step.scope for row in sessions})
    budgets = [budget_of(row) for row in map(ledger().budget, scopes) if row is not None]
    capped = [
        row for row in budgets if row.cap_usd is not None or row.cap_tokens is not None or row.stopped_by
    ]
    return RunView(
        run=shown[0] if shown else None,
        spans=sorted(bars, key=lambda bar: (bar.start, bar.kind, bar.id)),
        decisions=decisions_of(queries().decisions(dag_id, run_id), sessions),
        budgets=capped,
        waiting=waiting(user, {dag_id}, of_run=key),
        may_act=may(user, "PUT", dag_id),
    )


@router.post("/run/stop")
def stop(user: User, key: Annotated[tuple[str, str], Depends(OfRun("PUT"))]) -> dict[str, str]:
    """Let no session, check or outside write of a run begin any more, and end those at work."""
    scope = "run:" + "/".join(key)
    ledger().request_stop(scope, f"human:{user.get_name()}")
    return {"stopped": scope}


@router.post("/run/resume")
def resume(key: Annotated[tuple[str, str], Depends(OfRun("PUT"))]) -> dict[str, str]:
    """Lift that stop: tasks that it ended go on from their checkpoints when they are cleared."""
    scope = "run:" + "/".join(key)
    ledger().clear_stop(scope)
    return {"resumed": scope}


def decisions_of(rows: Sequence[DecisionRow], sessions: Sequence[SessionRow]) -> list[Decision]:
    """Decisions in order, each with the sessions that began between it and the next."""
    ends = [row.at for row in rows[1:]]
    told = []
    for number, row in enumerate(rows):
        until = ends[number] if number < len(ends) else None
        followed = [
            each
            for each in sessions
            if each.opened_at >= row.at and (until is None or each.opened_at < until)
        ]
        told.append(
            Decision(
                id=str(row.id),
                at=row.at,
                task_id=row.attempt.step.task_id,
                map_index=row.attempt.step.map_index,
                try_number=row.attempt.try_number,
                what=row.what,
                options=row.options,
                choice=row.choice,
                why=row.why,
                confidence=row.confidence,
                by=row.by,
                dispatched=[name_of(each) for each in followed],
            )
        )
    return told


def name_of(row: SessionRow) -> SessionName:
    """What people call a session."""
    step = row.attempt.step
    return SessionName(id=str(row.id), task_id=step.task_id, map_index=step.map_index, round=row.round)
