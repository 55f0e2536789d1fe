"""Which round went wrong, asked from the page of a run or a loop: a worker searches, never the API server."""

from pathlib import Path
from typing import Annotated

from airflow.exceptions import ParamValidationError
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import select

from bridle.config.repositories import Repository, repositories_in_force
from bridle.config.settings import Settings
from bridle.dashboard.airflow_state import states_of
from bridle.dashboard.books import ledger
from bridle.dashboard.loop_runs import LoopRuns
from bridle.dashboard.rights import OfLoop, OfRun, User, may, require
from bridle.dashboard.shapes.bisect import Bisect, Bisects, Culprit, Dispatcher, Probe
from bridle.errors import ConfigError, InvalidInput, RepositoryError
from bridle.ledger.bisects import BisectRow, BisectState
from bridle.ledger.ids import new_id
from bridle.ledger.run_list import RunKey
from bridle.ledger.searched import Searched

router = APIRouter()

WORKFLOW = "bridle_bisect"
NEWEST = 5


class Wanted(BaseModel):
    """What a person asks for."""

    check: str = Field(default="", max_length=200)
    """A name: whoever could send a command would have a shell on a worker."""


@router.get("/run/bisect")
def of_run(user: User, key: Annotated[RunKey, Depends(OfRun("GET"))]) -> Bisects:
    """Searches in one run."""
    return _told(user, Searched(*key))


@router.post("/run/bisect")
def search_run(user: User, key: Annotated[RunKey, Depends(OfRun("POST"))], wanted: Wanted) -> Bisect:
    """Search one run, on a worker."""
    return _search(user, Searched(*key), wanted.check)


@router.get("/loop/bisect")
def of_loop(user: User, id: Annotated[str, Depends(OfLoop("GET"))]) -> Bisects:
    """Searches in one loop."""
    return _told(user, _loop(id))


@router.post("/loop/bisect")
def search_loop(user: User, id: Annotated[str, Depends(OfLoop("POST"))], wanted: Wanted) -> Bisect:
    """Search one loop, on a worker."""
    return _search(user, _loop(id), wanted.check)


def _loop(loop_id: str) -> Searched:
    return Searched(ledger().loop(loop_id).dag_id, loop_id=loop_id)


def _told(user: User, searched: Searched) -> Bisects:
    repository = _repository(searched)
    rows = ledger().bisects(searched, limit=NEWEST)
    states = states_of([(row.done_by_dag, row.done_by_run) for row in rows])
    ended = {key for key, state in states.items() if state.state in ("success", "failed")}
    return Bisects(
        checks=[] if repository is None else list(repository.checks),
        may_search=may(user, "POST", WORKFLOW) and may(user, "POST", searched.dag_id),
        searches=[_shown(row, ended=(row.done_by_dag, row.done_by_run) in ended) for row in rows],
    )


def _search(user: User, searched: Searched, check: str) -> Bisect:
    require(user, "POST", WORKFLOW)
    repository = _repository(searched)
    if repository is None:
        raise InvalidInput(f"{searched} works on no repository of repositories.yaml: it has no check")
    repository.check_command(check)
    _require_awake()
    by, run_id = user.get_name(), f"bisect-{new_id()}"
    asked = ledger().ask_bisect(searched, check=check, by=f"human:{by}", done_by=(WORKFLOW, run_id))
    try:
        LoopRuns(by).trigger(WORKFLOW, run_id, {"scope": searched.scope, "check": check or None})
    except (InvalidInput, ParamValidationError) as error:
        ledger().close_bisect(asked, "failed", why=f"it could not be started: {error}")
        raise InvalidInput(f"{WORKFLOW} could not be started: {error}") from error
    return _shown(ledger().bisect(asked), ended=False)


def _repository(searched: Searched) -> Repository | None:
    """What the run or loop works on, by the allow-list that the worker will read."""
    try:
        return repositories_in_force(Settings.load(), beside=_beside()).get(ledger().repo_of(searched))
    except (ConfigError, RepositoryError):
        return None


def _beside() -> Path | None:
    with create_session() as session:
        file = session.scalar(select(DagModel.fileloc).where(DagModel.dag_id == WORKFLOW))
    return Path(file).parent if file else None


def _require_awake() -> None:
    """A run of a paused workflow would wait for ever.

    Raises:
        InvalidInput: Airflow has no such workflow, or it is paused.
    """
    with create_session() as session:
        paused = session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == WORKFLOW))
    if paused is None:
        raise InvalidInput(f"Airflow has no workflow {WORKFLOW}; `bridle init` lays its file down")
    if paused:
        raise InvalidInput(f"the workflow {WORKFLOW} is paused in Airflow; unpause it, then search")


def _shown(row: BisectRow, *, ended: bool) -> Bisect:
    state: BisectState = row.state
    why = row.why
    if ended and state in ("asked", "running"):
        state, why = "failed", "the run that searched ended without a result; its log says why"
    return Bisect(
        id=str(row.id),
        by=row.by,
        check=row.check_name,
        command=row.command,
        state=state,
        why=why,
        commits=row.commits,
        searched=row.searched,
        repeated=row.repeated,
        round=row.round,
        commit=row.commit,
        good_commit=row.good_commit,
        flaky=row.flaky,
        culprit=_culprit(row),
        decision=_dispatcher(row),
        probes=[Probe.model_validate(probe) for probe in ledger().probes(row.id)],
        done_by_dag=row.done_by_dag,
        done_by_run=row.done_by_run,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )


def _culprit(row: BisectRow) -> Culprit | None:
    if row.session_id is None:
        return None
    step = ledger().session(row.session_id).attempt.step
    return Culprit(
        session_id=str(row.session_id),
        dag_id=step.dag_id,
        run_id=step.run_id,
        task_id=step.task_id,
        map_index=step.map_index,
    )


def _dispatcher(row: BisectRow) -> Dispatcher | None:
    made = None if row.decision_id is None else ledger().decision(row.decision_id)
    if made is None:
        return None
    return Dispatcher(id=str(made.id), what=made.what, choice=made.choice, by=made.by, why=made.why)
