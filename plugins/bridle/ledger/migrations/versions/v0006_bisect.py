"""Searches for the round that went wrong."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing goes back: drop the schema by hand when that is really meant."""
    raise NotImplementedError("migrations of the ledger are not undone")
