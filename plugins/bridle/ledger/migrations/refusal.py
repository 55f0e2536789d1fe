"""The way back, which no migration of the ledger has."""


def refuse() -> None:
    """What every migration has as its `downgrade`: what was written since would be lost.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("migrations of the ledger are not undone; `DROP SCHEMA bridle` loses all of it")
