"""`GET /bridle/api/run`, and stopping one."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from fastapi import APIRouter, Depends

from bridle.dashboard import budgets, run_rows, spans
from bridle.dashboard.approvals import waiting
from bridle.dashboard.books import ledger, queries
from bridle.dashboard.rights import OfRun, User, may, those
from bridle.dashboard.shapes.run import Decision, Failure, RunView
from bridle.ledger.failures import FailureRow
from bridle.ledger.records import DecisionRow, SessionRow

router = APIRouter()

MOST = 500
"""Sessions of one run that are shown, the newest; `RunView.run` says how many there are.

A check of one that is not shown is left out with it."""


@router.get("/run")
def run(user: User, key: Annotated[tuple[str, str], Depends(OfRun("GET"))]) -> RunView:
    """Everything about one run."""
    dag_id, run_id = key
    sessions = list(reversed(queries().sessions(dag_id, run_id, limit=MOST)))
    oldest = sessions[0].id if len(sessions) == MOST else None
    bars = [
        *spans.of_sessions(sessions),
        *map(spans.of_check, queries().checks(dag_id, run_id, oldest=oldest)),
        *map(spans.of_review, queries().reviews(dag_id, run_id)),
        *map(spans.of_effect, queries().effects(dag_id, run_id, limit=None)),
    ]
    shown = run_rows.named([key], limit=1)
    scopes = [f"run:{dag_id}/{run_id}"]
    if shown and shown[0].loop_id:
        scopes.append(f"loop:{shown[0].loop_id}")
    scopes += sorted({row.attempt.step.scope for row in sessions})
    capped = [
        row
        for row in budgets.named(scopes)
        if row.cap_usd is not None or row.cap_tokens is not None or row.stopped_by
    ]
    # a loop is its own DAG's
    readable = those(user, "GET", {row.dag_id for row in capped if row.dag_id})
    return RunView(
        run=shown[0] if shown else None,
        failures=[_failure(row) for row in queries().failures(dag_id, run_id)],
        spans=sorted(bars, key=lambda bar: (bar.start, bar.kind, bar.id)),
        decisions=decisions_of(queries().decisions(dag_id, run_id), sessions),
        budgets=[row for row in capped if row.dag_id in readable],
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


def _failure(row: FailureRow) -> Failure:
    return Failure(
        **spans.of_try(row.attempt),
        at=row.at,
        kind=row.kind,
        reason=row.reason,
        retryable=row.retryable,
    )


def decisions_of(rows: Sequence[DecisionRow], sessions: Sequence[SessionRow]) -> list[Decision]:
    """Decisions in order, each with the sessions that began between it and the next."""
    began = sorted(sessions, key=lambda each: each.opened_at)
    moments = [each.opened_at for each in began]
    firsts = [bisect_left(moments, row.at) for row in rows]
    told = []
    for row, (first, following) in zip(rows, pairwise([*firsts, len(began)]), strict=True):
        told.append(
            Decision(
                **spans.of_try(row.attempt),
                id=str(row.id),
                at=row.at,
                what=row.what,
                options=row.options,
                choice=row.choice,
                why=row.why,
                confidence=row.confidence,
                by=row.by,
                dispatched=[spans.name_of(each) for each in began[first:following]],
            )
        )
    return told
