"""Loops: goal, state, rounds, and what bounds them."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0003"
down_revision = "0002"

_TABLES = """
ALTER TABLE bridle.loop
    ADD COLUMN reason TEXT DEFAULT '' NOT NULL,
    ADD COLUMN repo TEXT DEFAULT '' NOT NULL,
    ADD COLUMN params JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN deadline TIMESTAMPTZ,
    ADD COLUMN base_commit TEXT DEFAULT '' NOT NULL,
    ADD COLUMN head_commit TEXT DEFAULT '' NOT NULL,
    ADD COLUMN branch TEXT DEFAULT '' NOT NULL;
CREATE TABLE bridle.loop_round (
    loop_id TEXT NOT NULL REFERENCES bridle.loop (id),
    round INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    base_commit TEXT NOT NULL,
    head_commit TEXT DEFAULT '' NOT NULL,
    decision JSONB DEFAULT '{}' NOT NULL,
    dispatched JSONB DEFAULT '[]' NOT NULL,
    delivered JSONB DEFAULT '[]' NOT NULL,
    checks JSONB DEFAULT '[]' NOT NULL,
    answer JSONB DEFAULT '{}' NOT NULL,
    verdict TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    tokens BIGINT DEFAULT 0 NOT NULL,
    cost_usd NUMERIC(20, 10),
    opened_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    closed_at TIMESTAMPTZ,
    PRIMARY KEY (loop_id, round)
);
CREATE INDEX session_loop ON bridle.session (loop_id) WHERE loop_id IS NOT NULL;
"""


def upgrade() -> None:
    """Loops get what bounds them, and a row for each round."""
    op.get_bind().exec_driver_sql(_TABLES, execution_options={"no_parameters": True})


downgrade = refuse
