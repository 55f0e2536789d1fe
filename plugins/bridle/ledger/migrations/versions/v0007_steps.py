"""An index of steps that also knows their rounds and when each began: they are counted without the rows."""

from alembic import op

from bridle.ledger.migrations.refusal import refuse

revision = "0007"
down_revision = "0006"

_INDEX = """
DROP INDEX bridle.session_step;
CREATE INDEX session_step ON bridle.session (dag_id, run_id, task_id, map_index, generation, round)
    INCLUDE (opened_at);
"""


def upgrade() -> None:
    """Make it, in place of the one that knew the steps only."""
    op.get_bind().exec_driver_sql(_INDEX, execution_options={"no_parameters": True})


downgrade = refuse
