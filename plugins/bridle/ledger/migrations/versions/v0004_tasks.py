"""Tasks of a spec, and issues seen by the watch."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0004"
down_revision = "0003"

_TABLES = """
CREATE TABLE bridle.spec_task (
    spec TEXT NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    wording TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    commit TEXT,
    dag_id TEXT DEFAULT '' NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (spec, key)
);
CREATE TABLE bridle.watch (
    repo TEXT NOT NULL,
    config TEXT NOT NULL,
    etag TEXT DEFAULT '' NOT NULL,
    cursor TEXT DEFAULT '' NOT NULL,
    wait_until TIMESTAMPTZ,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (repo)
);
CREATE TABLE bridle.issue_attempt (
    repo TEXT NOT NULL,
    number INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    run_id TEXT NOT NULL,
    opened_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    closed_at TIMESTAMPTZ,
    PRIMARY KEY (repo, number, attempt)
);
CREATE UNIQUE INDEX issue_attempt_cause ON bridle.issue_attempt (repo, number, cause);
CREATE INDEX issue_attempt_open ON bridle.issue_attempt (repo) WHERE closed_at IS NULL;
"""


def upgrade() -> None:
    """Rows for what the spec routine and the watch know from one run to the next."""
    op.get_bind().exec_driver_sql(_TABLES, execution_options={"no_parameters": True})


downgrade = refuse
