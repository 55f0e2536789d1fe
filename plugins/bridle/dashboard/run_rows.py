"""Runs of the ledger with what Airflow says about them, as lists show them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import RowMapping

from bridle.dashboard.airflow_state import RunState, states_of
from bridle.dashboard.books import queries
from bridle.dashboard.shapes.base import Totals
from bridle.dashboard.shapes.runs import Run
from bridle.ledger import records
from bridle.ledger.queries import NOTHING
from bridle.ledger.run_list import (
    Cursor,
    RunFilter,
    RunKey,
    named_runs,
    page_of_runs,
    pull_requests_of,
    reasons_of_runs,
)

LONGEST_REASON = 500
"""Characters."""
LONGEST_SEARCH = 2_000
"""Runs looked at for one page: a state is Airflow's, and a rare one would be looked for in all history."""


def named(keys: Sequence[RunKey], *, limit: int) -> list[Run]:
    """The newest of these runs, the newest first; those without a session are left out."""
    return told(queries().rows(named_runs(keys, limit=limit)), None) if keys else []


def page(
    wanted: RunFilter, *, state: str | None, after: Cursor | None, limit: int
) -> tuple[list[Run], Cursor | None]:
    """One page of runs, and where the next one begins; None: this was the last."""
    rows: list[tuple[RowMapping, RunState | None]] = []
    batch = limit + 1 if state is None else max(200, limit + 1)
    for looked_at, (row, its_state) in enumerate(_runs(wanted, after, batch=batch), start=1):
        if state is None or (its_state is not None and its_state.state == state):
            rows.append((row, its_state))
        if len(rows) > limit:
            break
        if looked_at >= LONGEST_SEARCH:
            found = told([row for row, _ in rows], {_key(row): each for row, each in rows})
            return found, _cursor(row)
    shown = rows[:limit]
    more = len(rows) > limit
    runs = told([row for row, _ in shown], {_key(row): each for row, each in shown})
    return runs, _cursor(shown[-1][0]) if more else None


def told(rows: Sequence[RowMapping], states: dict[RunKey, RunState | None] | None) -> list[Run]:
    """Rows of `run` with state, totals and pull request."""
    keys = [_key(row) for row in rows]
    if not keys:
        return []
    known = states_of(keys) if states is None else states
    spent = queries().totals_of_runs(keys)
    pulls = {(row["dag_id"], row["run_id"]): row["url"] for row in queries().rows(pull_requests_of(keys))}
    failed = [key for key in keys if (state := known.get(key)) is not None and state.state == "failed"]
    reasons = {_key(row): row["reason"] for row in queries().rows(reasons_of_runs(failed))} if failed else {}
    return [
        _run(
            row,
            known.get(_key(row)),
            spent.get(_key(row)),
            reason=reasons.get(_key(row), ""),
            pull_request=pulls.get(_key(row)),
        )
        for row in rows
    ]


def _runs(
    wanted: RunFilter, after: Cursor | None, *, batch: int
) -> Iterator[tuple[RowMapping, RunState | None]]:
    while True:
        rows = queries().rows(page_of_runs(wanted, after=after, limit=batch))
        states = states_of([_key(row) for row in rows])
        for row in rows:
            yield row, states.get(_key(row))
        if len(rows) < batch:
            return
        after = _cursor(rows[-1])


def _run(
    row: RowMapping,
    state: RunState | None,
    totals: records.Totals | None,
    *,
    reason: str,
    pull_request: str | None,
) -> Run:
    return Run(
        dag_id=row["dag_id"],
        run_id=row["run_id"],
        state=state.state if state else None,
        user=state.user if state else None,
        repo=row["repo"],
        loop_id=row["loop_id"],
        round=row["loop_round"],
        opened_at=row["opened_at"],
        last_at=row["last_at"],
        sessions=row["sessions"],
        open_sessions=row["open_sessions"],
        totals=Totals.of(totals or NOTHING),
        summary=row["summary"],
        reason=reason[:LONGEST_REASON],
        pull_request=pull_request or None,
    )


def _key(row: RowMapping) -> RunKey:
    return row["dag_id"], row["run_id"]


def _cursor(row: RowMapping) -> Cursor:
    opened_at: datetime = row["opened_at"]
    return Cursor(opened_at, row["dag_id"], row["run_id"])
