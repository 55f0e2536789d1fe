"""Tasks of a spec, and issues seen by the watch."""

from alembic import op

revision = "0004"
down_revision = "0003"

_SQL = "SELECT 1"


def upgrade() -> None:
    op.execute(_SQL)


def downgrade() -> None:
    """Nothing goes back: drop the schema by hand when that is really meant."""
    raise NotImplementedError("migrations of the ledger are not undone")
