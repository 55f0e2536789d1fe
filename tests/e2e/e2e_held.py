"""What a run keeps from others for as long as it works: by SQL of our own, and by its processes."""

from collections.abc import Callable

from e2e_figures import OF_RUN, key_of, rows
from e2e_processes import processes_of, task_process
from e2e_run import Run

from patience import pauses_until
from processes import alive

HELD = f"""
    with mine as (select s.id from session s where {OF_RUN}),
         scopes as (
             select * from budget where scope = 'run:' || :dag || '/' || :run
                 or starts_with(scope, 'step:' || :dag || '/' || :run || '/')
                 or scope in (select 'session:' || id from mine))
    select (select count(*) from session s where {OF_RUN} and s.closed_at is null) as sessions,
           (select count(*) from model_call where state = 'reserved' and session_id in (select id from mine))
               as calls,
           (select coalesce(sum(reserved_tokens), 0) from scopes) as tokens,
           (select coalesce(sum(reserved_usd), 0) from scopes) as usd,
           (select count(*) from claim where holder = :dag || '/' || :run
                and expires_at > clock_timestamp()) as leases
"""
NOTHING = {"sessions": 0, "calls": 0, "tokens": 0, "usd": 0, "leases": 0}


def held(ledger_url: str, run: Run) -> dict[str, int]:
    """Open sessions, calls that are not settled, what is reserved for them, and leases, of one run."""
    (row,) = rows(ledger_url, HELD, **key_of(run))
    return dict(row)


def seconds_to_end(session_id: str, click: Callable[[], None]) -> float:
    """From a click until no process works for a session, nor the task whose session it is.

    A task's slots and folders are locked by its process, and free once that is gone.
    """
    task = task_process(session_id)
    click()
    return pauses_until(
        f"session {session_id} and its task have no process",
        lambda: not processes_of(session_id) and not alive(task),
    )
