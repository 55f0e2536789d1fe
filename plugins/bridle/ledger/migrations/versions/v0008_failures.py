"""Why steps failed; a run that failed before its first session is a run, too."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0008"
down_revision = "0007"

_TABLE = """
CREATE TABLE bridle.failure (
    id UUID NOT NULL PRIMARY KEY,
    dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    map_index INTEGER NOT NULL,
    ti_id TEXT NOT NULL,
    try_number INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    loop_id TEXT,
    loop_round INTEGER,
    kind TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    retryable BOOLEAN NOT NULL,
    at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL
);
CREATE INDEX failure_run ON bridle.failure (dag_id, run_id);

CREATE FUNCTION bridle.count_failure() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO bridle.run AS r
        VALUES (NEW.dag_id, NEW.run_id, NULL, NEW.loop_id, NEW.loop_round, NEW.at, NEW.at, 0, 0, '')
        ON CONFLICT (dag_id, run_id) DO UPDATE SET last_at = greatest(r.last_at, NEW.at);
    RETURN NULL;
END $$;
CREATE TRIGGER count_failure AFTER INSERT ON bridle.failure
    FOR EACH ROW EXECUTE FUNCTION bridle.count_failure();
"""


def upgrade() -> None:
    """A row for each try that failed, which makes its run known."""
    op.get_bind().exec_driver_sql(_TABLE, execution_options={"no_parameters": True})


downgrade = refuse
