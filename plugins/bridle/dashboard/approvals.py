"""`GET /bridle/api/approvals`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import APIRouter

from bridle.dashboard.airflow_state import open_questions
from bridle.dashboard.books import queries
from bridle.dashboard.rights import ReadableDags, User, those
from bridle.dashboard.shapes.approvals import Approval, Approvals
from bridle.ledger.records import ReviewRow, StepKey
from bridle.ledger.reviews import ABOUT, TEXT, about
from bridle.ledger.run_list import RunKey

router = APIRouter()

LONGEST_BODY = 20_000
MOST = 500
"""Questions that are shown, the oldest first."""


@router.get("/approvals")
def approvals(user: User, dags: ReadableDags) -> Approvals:
    """Everything that waits for a human, the oldest first."""
    return Approvals(approvals=waiting(user, dags))


def waiting(user: BaseUser, dags: Collection[str], *, of_run: RunKey | None = None) -> list[Approval]:
    """What runs of these DAGs wait with."""
    asked = open_questions(dags, of_run=of_run, limit=MOST)
    asking = {row["dag_id"] for row in asked}
    shown = those(user, "GET", asking, DagAccessEntity.HITL_DETAIL)
    answerable = those(user, "PUT", asking, DagAccessEntity.HITL_DETAIL)
    asked = [row for row in asked if row["dag_id"] in shown]
    reviews = {row.attempt.step: row for row in queries().open_reviews([_step(row) for row in asked])}
    return [
        _approval(
            row,
            review=reviews.get(_step(row)),
            may_answer=row["dag_id"] in answerable and _is_assigned(user, row["assignees"]),
        )
        for row in _up_to_date(asked, reviews)
    ]


def _up_to_date(
    asked: Sequence[dict[str, Any]], reviews: Mapping[StepKey, ReviewRow]
) -> Iterator[dict[str, Any]]:
    """The questions as they are asked now: of a task that is cleared and asks anew, Airflow has the first."""
    anew = {
        step: review
        for row in asked
        if (review := reviews.get(step := _step(row))) and _shown(row) not in (None, about(review))
    }
    texts = queries().texts([str(review.snapshot.get(TEXT)) for review in anew.values()])
    for row in asked:
        review = anew.get(_step(row))
        yield row | _as_kept(review, texts) if review else row


def _shown(row: dict[str, Any]) -> str | None:
    """What Airflow's question is about; None when it does not say."""
    field = (row["params"] or {}).get(ABOUT)
    return field.get("value") if isinstance(field, dict) else field


def _as_kept(review: ReviewRow, texts: Mapping[str, str]) -> dict[str, Any]:
    """The question as the ledger has it."""
    text = texts.get(str(review.snapshot.get(TEXT)), "The text is not kept any more; see the run.")
    return {"created_at": review.opened_at, "subject": review.subject, "body": text}


def _step(row: dict[str, Any]) -> StepKey:
    return StepKey(row["dag_id"], row["run_id"], row["task_id"], row["map_index"])


def _is_assigned(user: BaseUser, assignees: list[dict[str, str]] | None) -> bool:
    if not assignees:
        return True
    ids = {str(assignee["id"]) for assignee in assignees}
    return bool(get_auth_manager().is_authorized_hitl_task(assigned_users=ids, user=user))


def _approval(row: dict[str, Any], *, review: ReviewRow | None, may_answer: bool) -> Approval:
    parts = [quote(str(row[name]), safe="") for name in ("dag_id", "run_id", "task_id", "map_index")]
    path = "api/v2/dags/{}/dagRuns/{}/taskInstances/{}/{}/hitlDetails".format(*parts)
    params = dict(row["params"] or {})
    params.pop(ABOUT, None)
    shown = _shown(row)
    return Approval(
        dag_id=row["dag_id"],
        run_id=row["run_id"],
        task_id=row["task_id"],
        map_index=row["map_index"],
        opened_at=row["created_at"],
        subject=row["subject"],
        body=(row["body"] or "")[:LONGEST_BODY],
        options=list(row["options"]),
        multiple=bool(row["multiple"]),
        params=params,
        filled={} if shown is None else {ABOUT: about(review) if review else shown},
        assignees=[assignee["name"] for assignee in row["assignees"] or []],
        may_answer=may_answer,
        answer_path=path,
        review_id=str(review.id) if review else None,
        commit=review.commit or None if review else None,
    )
