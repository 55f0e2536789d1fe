"""Outside writes as each run made them: an effect's row is the object's, and says what was written last."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0009"
down_revision = "0008"

_COLUMNS = """key, version, kind, target, state, dag_id, run_id, task_id, map_index, ti_id, try_number,
    generation, loop_id, loop_round, fence_key, fence_token, fence_holder, intended_at, done_at, receipt,
    why"""

_TABLE = f"""
CREATE TABLE bridle.effect_past (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    map_index INTEGER NOT NULL,
    ti_id TEXT NOT NULL,
    try_number INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    loop_id TEXT,
    loop_round INTEGER,
    fence_key TEXT NOT NULL,
    fence_token BIGINT NOT NULL,
    fence_holder TEXT NOT NULL,
    intended_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    done_at TIMESTAMPTZ,
    receipt JSONB,
    why TEXT DEFAULT '' NOT NULL
);
CREATE INDEX effect_past_run ON bridle.effect_past (dag_id, run_id);

CREATE VIEW bridle.effect_history AS
    SELECT {_COLUMNS} FROM bridle.effect
    UNION ALL
    SELECT {_COLUMNS} FROM bridle.effect_past;

CREATE FUNCTION bridle.keep_effect() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO bridle.effect_past ({_COLUMNS})
        SELECT {", ".join(f"OLD.{name.strip()}" for name in _COLUMNS.split(","))};
    RETURN NULL;
END $$;
CREATE TRIGGER keep_effect AFTER UPDATE ON bridle.effect
    FOR EACH ROW WHEN (OLD.state = 'done') EXECUTE FUNCTION bridle.keep_effect();
"""  # noqa: S608 (columns of ours)


def upgrade() -> None:
    """A table that a trigger fills with what was done, before it is written over; a view of both."""
    op.get_bind().exec_driver_sql(_TABLE, execution_options={"no_parameters": True})


downgrade = refuse
