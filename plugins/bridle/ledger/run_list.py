"""Runs as lists show them, page by page."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from bridle.errors import InvalidInput
from bridle.ledger.schema import failure, session
from bridle.ledger.spending import sums
from bridle.ledger.summaries import run, spending
from bridle.ledger.views import effect_history

RunKey = tuple[str, str]
"""DAG and run."""

COMMON = 2_000
"""Sessions with a word from which on it is a common one."""
_WORDS = func.to_tsvector(literal_column("'simple'"), func.left(session.c.summary, 4000))


@dataclass(frozen=True)
class RunFilter:
    """Which runs are wanted."""

    dags: Collection[str]
    """Of these DAGs only."""
    repo: str | None = None
    loop_id: str | None = None
    since: datetime | None = None
    """First session from then on."""
    until: datetime | None = None
    """First session before then."""
    text: str | None = None
    """In the run's id or its loop's, in what it failed of, or words of what a session said about itself."""
    common: bool = False
    """Whether many sessions have said these words; see `how_common`."""
    keys: Sequence[RunKey] | None = None
    """Of these runs only; None: of all."""

    @property
    def clause(self) -> ColumnElement[bool]:
        """As a condition."""
        wanted: list[ColumnElement[bool]] = [run.c.dag_id.in_(self.dags)]
        if self.repo is not None:
            wanted.append(run.c.repo == self.repo)
        if self.loop_id is not None:
            wanted.append(run.c.loop_id == self.loop_id)
        if self.since is not None:
            wanted.append(run.c.opened_at >= self.since)
        if self.until is not None:
            wanted.append(run.c.opened_at < self.until)
        if self.text:
            wanted.append(_holding(self.text, common=self.common))
        if self.keys is not None:
            named = _joined(self.keys)
            wanted.append(tuple_(run.c.dag_id, run.c.run_id).in_(select(named.c.dag_id, named.c.run_id)))
        return and_(*wanted)


@dataclass(frozen=True)
class Cursor:
    """Where a page of runs ends."""

    opened_at: datetime
    dag_id: str
    run_id: str

    def __str__(self) -> str:
        fields = [self.opened_at.isoformat(), self.dag_id, self.run_id]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor that `str` wrote.

        Raises:
            InvalidInput: it is none.
        """
        try:
            moment, dag_id, run_id = json.loads(base64.urlsafe_b64decode(text))
            return cls(datetime.fromisoformat(moment), str(dag_id), str(run_id))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{text!r} is no cursor; begin again with the first page") from error


def page_of_runs(wanted: RunFilter, *, after: Cursor | None, limit: int) -> Select[Any]:
    """Runs, the newest first, from the one behind `after`."""
    query = select(run).where(wanted.clause)
    if after is not None:
        mine = tuple_(run.c.opened_at, run.c.dag_id, run.c.run_id)
        query = query.where(mine < tuple_(after.opened_at, after.dag_id, after.run_id))
    return query.order_by(run.c.opened_at.desc(), run.c.dag_id.desc(), run.c.run_id.desc()).limit(limit)


def named_runs(keys: Sequence[RunKey], *, limit: int) -> Select[Any]:
    """The newest of these runs, the newest first."""
    named = _joined(keys)
    query = select(run).join(named, (run.c.dag_id == named.c.dag_id) & (run.c.run_id == named.c.run_id))
    return query.order_by(run.c.opened_at.desc(), run.c.dag_id.desc(), run.c.run_id.desc()).limit(limit)


def states_counted(states: Mapping[RunKey, str]) -> Select[Any]:
    """`state`, and `runs`: how many of these runs, as far as the ledger knows them, are in it."""
    named = _joined(list(states), state=list(states.values()))
    query = select(named.c.state, func.count().label("runs")).select_from(run)
    of_run = (run.c.dag_id == named.c.dag_id) & (run.c.run_id == named.c.run_id)
    return query.join(named, of_run).group_by(named.c.state)


def totals_of_runs(keys: Sequence[RunKey]) -> Select[Any]:
    """One row for each of these runs that has called a model, with the columns of `totals_of`."""
    c = spending.c
    query = select(c.dag_id, c.run_id, *sums()).where(tuple_(c.dag_id, c.run_id).in_(keys))
    return query.group_by(c.dag_id, c.run_id)


def pull_requests_of(keys: Sequence[RunKey]) -> Select[Any]:
    """`dag_id`, `run_id` and `url` of what these runs opened or updated, whoever has updated it since."""
    c = effect_history.c
    url = c.receipt["url"].astext.label("url")
    mine = tuple_(c.dag_id, c.run_id).in_(keys)
    query = select(c.dag_id, c.run_id, url).where(mine, c.kind == "pull_request", c.state == "done")
    return query.order_by(c.done_at)  # the newest is the last, and counts


def reasons_of_runs(keys: Sequence[RunKey]) -> Select[Any]:
    """`dag_id`, `run_id` and `reason` of what failed first of each of these runs and was not tried again.

    What fails after that mostly says that something before it did.
    """
    c = failure.c
    of_run = (c.dag_id, c.run_id)
    query = select(*of_run, (c.kind + ": " + c.reason).label("reason")).where(tuple_(*of_run).in_(keys))
    return query.distinct(*of_run).order_by(*of_run, c.generation.desc(), c.retryable, c.id)


def _joined(keys: Sequence[RunKey], **more: Sequence[str]) -> Any:
    """Keys as a table: they may be thousands, and a list of values would be a statement as long."""
    columns = {"dag_id": [dag_id for dag_id, _ in keys], "run_id": [run_id for _, run_id in keys], **more}
    arrays = [cast(values, ARRAY(Text)) for values in columns.values()]
    return func.unnest(*arrays).table_valued(*columns, name="named").render_derived()


def how_common(text: str) -> Select[Any]:
    """`sessions`: how many have said these words, counted up to `COMMON`."""
    some = select(session.c.id).where(_said(text)).limit(COMMON).subquery()
    return select(func.count().label("sessions")).select_from(some)


def _holding(text: str, *, common: bool) -> ColumnElement[bool]:
    sessions = select(session.c.dag_id, session.c.run_id).where(_said(text))
    of_run = (session.c.dag_id == run.c.dag_id) & (session.c.run_id == run.c.run_id)
    # all that said a rare word are found by the index of words; of a common one, the newest runs fill a page:
    # the offset keeps Postgres from reading every session instead
    said = (
        exists(sessions.where(of_run).offset(literal_column("0")))
        if common
        else tuple_(run.c.dag_id, run.c.run_id).in_(sessions)
    )
    told = (failure.c.kind + ": " + failure.c.reason).icontains(text, autoescape=True)
    failed = select(failure.c.dag_id, failure.c.run_id).where(told)
    return or_(
        run.c.run_id.icontains(text, autoescape=True),
        run.c.loop_id.icontains(text, autoescape=True),
        tuple_(run.c.dag_id, run.c.run_id).in_(failed),
        said,
    )


def _said(text: str) -> ColumnElement[bool]:
    return _WORDS.bool_op("@@")(func.plainto_tsquery(literal_column("'simple'"), text))
