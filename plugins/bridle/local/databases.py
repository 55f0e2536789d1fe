"""Which two databases a stack uses: the user's own where given, else those of the embedded server."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import make_url

LEDGER_VARIABLE = "BRIDLE_LEDGER_URL"
METADATA_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"

LEDGER = "bridle"
METADATA = "airflow"


@dataclass(frozen=True)
class Databases:
    """URLs that the user gave; None: the embedded server's."""

    metadata: str | None
    """Airflow's own database."""
    ledger: str | None
    """Bridle's database."""

    @classmethod
    def given(cls, env: Mapping[str, str]) -> "Databases":
        """What `BRIDLE_LEDGER_URL` and `AIRFLOW__DATABASE__SQL_ALCHEMY_CONN` say."""
        ledger = env.get(LEDGER_VARIABLE)
        return cls(
            metadata=env.get(METADATA_VARIABLE) or None, ledger=psycopg_url(ledger) if ledger else None
        )

    @property
    def embedded(self) -> tuple[str, ...]:
        """Names of the databases that the embedded server has to hold."""
        wanted = ((METADATA, self.metadata), (LEDGER, self.ledger))
        return tuple(name for name, url in wanted if url is None)


def psycopg_url(url: str) -> str:
    """`url` for SQLAlchemy with psycopg 3, however the provider writes it (`postgres://…`)."""
    parts = make_url(url.replace("postgres://", "postgresql://", 1))
    return parts.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
