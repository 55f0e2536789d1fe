"""Loops: goal, state, rounds, and what bounds them."""

from alembic import op

revision = "0003"
down_revision = "0002"

_SQL = "SELECT 1"


def upgrade() -> None:
    op.execute(_SQL)


def downgrade() -> None:
    """Nothing goes back: drop the schema by hand when that is really meant."""
    raise NotImplementedError("migrations of the ledger are not undone")
