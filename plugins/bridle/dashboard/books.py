"""The ledger, as the API server uses it: one object to read and one to write, for all requests."""

from functools import cache

from bridle.config.settings import Settings
from bridle.ledger.reading import Reading
from bridle.ledger.store import Ledger

CONNECTIONS = 4
"""Of one API server, at most, to read; as many to write. They close when nobody asks for anything."""


@cache
def ledger() -> Ledger:
    """For what a human does (a stop, a budget): writes as tasks do, and says at once when Postgres is away.

    Raises:
        CredentialError: Airflow has no connection to the ledger.
    """
    return Ledger(Ledger.from_connection(Settings.load().ledger_conn_id).url, connections=CONNECTIONS)


@cache
def queries() -> Reading:
    """For reading.

    Raises:
        CredentialError: Airflow has no connection to the ledger.
    """
    return Reading(ledger().url, connections=CONNECTIONS)
