"""Searches for the round that went wrong."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0006"
down_revision = "0005"

_TABLES = """
CREATE TABLE bridle.bisect (
    id UUID NOT NULL PRIMARY KEY,
    dag_id TEXT NOT NULL,
    run_id TEXT,
    loop_id TEXT,
    repo TEXT DEFAULT '' NOT NULL,
    check_name TEXT NOT NULL,
    command TEXT DEFAULT '' NOT NULL,
    by TEXT NOT NULL,
    done_by_dag TEXT NOT NULL,
    done_by_run TEXT NOT NULL,
    generation INTEGER,
    state TEXT NOT NULL,
    commits INTEGER,
    searched INTEGER,
    repeated INTEGER,
    good_commit TEXT,
    commit TEXT,
    session_id UUID,
    round INTEGER,
    decision_id UUID,
    flaky JSONB DEFAULT '[]' NOT NULL,
    why TEXT DEFAULT '' NOT NULL,
    opened_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    closed_at TIMESTAMPTZ
);
CREATE INDEX bisect_run ON bridle.bisect (dag_id, run_id);
CREATE INDEX bisect_loop ON bridle.bisect (loop_id) WHERE loop_id IS NOT NULL;
CREATE INDEX bisect_done_by ON bridle.bisect (done_by_dag, done_by_run);
CREATE TABLE bridle.bisect_probe (
    bisect_id UUID NOT NULL REFERENCES bridle.bisect (id),
    number INTEGER NOT NULL,
    position INTEGER NOT NULL,
    commit TEXT NOT NULL,
    round INTEGER,
    session_id UUID,
    again BOOLEAN NOT NULL,
    passed BOOLEAN NOT NULL,
    timed_out BOOLEAN NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    check_run_id UUID NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (bisect_id, number)
);
"""


def upgrade() -> None:
    """A row for each search, and one for each check that it ran."""
    op.get_bind().exec_driver_sql(_TABLES, execution_options={"no_parameters": True})


downgrade = refuse
