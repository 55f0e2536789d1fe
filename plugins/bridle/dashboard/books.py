"""The ledger, as the API server uses it: one object for all requests."""

from functools import cache

from bridle.config.settings import Settings
from bridle.ledger.reading import Reading
from bridle.ledger.store import Ledger


@cache
def ledger() -> Ledger:
    """For what a human does (a stop, a budget): writes as tasks do, and says at once when Postgres is away.

    Raises:
        CredentialError: Airflow has no connection to the ledger.
    """
    return Ledger(Ledger.from_connection(Settings.load().ledger_conn_id).url)


@cache
def queries() -> Reading:
    """For reading.

    Raises:
        CredentialError: Airflow has no connection to the ledger.
    """
    return Reading(ledger().url)
