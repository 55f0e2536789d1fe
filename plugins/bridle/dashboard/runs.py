"""`GET /bridle/api/runs` and `GET /bridle/api/me`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from bridle.dashboard import run_rows
from bridle.dashboard.airflow_state import UNDER_WAY, runs_in
from bridle.dashboard.books import queries
from bridle.dashboard.rights import ReadableDags, User, may
from bridle.dashboard.shapes.base import moment
from bridle.dashboard.shapes.runs import Me, Runs
from bridle.ledger.run_list import COMMON, Cursor, RunFilter, how_common

router = APIRouter()


@router.get("/me")
def me(user: User, dags: ReadableDags) -> Me:
    """Who is asking."""
    return Me(user=user.get_name(), may_act=may(user, "PUT", None))


@router.get("/runs")
def runs(  # noqa: PLR0917 (each is a query parameter)
    dags: ReadableDags,
    dag_id: str | None = None,
    repo: str | None = None,
    loop_id: str | None = None,
    state: Literal["queued", "running", "success", "failed"] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Runs:
    """One page of runs, the newest first."""
    under_way = runs_in((state,), queries().dags() & dags) if state in UNDER_WAY else None
    wanted = RunFilter(
        dags=dags if dag_id is None else dags & {dag_id},
        repo=repo,
        loop_id=loop_id,
        since=moment(since),
        until=moment(until),
        text=q,
        common=_is_common(q),
        keys=under_way,
    )
    found, following = run_rows.page(
        wanted, state=state, after=Cursor.read(cursor) if cursor else None, limit=limit
    )
    return Runs(runs=found, next=str(following) if following else None)


def _is_common(text: str | None) -> bool:
    return bool(text) and int(queries().rows(how_common(text or ""))[0]["sessions"]) >= COMMON
