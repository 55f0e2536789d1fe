"""Tries of steps that failed, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, insert

from bridle.errors import Transient
from bridle.ledger.ids import new_id
from bridle.ledger.part import Part, attempt_of, attempt_values
from bridle.ledger.records import Attempt
from bridle.ledger.schema import failure


@dataclass(frozen=True)
class FailureRow:
    """A try of a step that failed."""

    id: UUID
    attempt: Attempt
    kind: str
    """The error's class, one of `bridle.errors`."""
    reason: str
    retryable: bool
    """Whether Airflow was asked to try again."""
    at: datetime


class Failures(Part):
    """Facts that are only ever added."""

    def record_failure(self, attempt: Attempt, error: Exception) -> None:
        """Write down that a try of a step has failed, and what its error says."""
        with self._db.transaction() as connection:
            connection.execute(
                insert(failure).values(
                    id=new_id(),
                    **attempt_values(attempt),
                    kind=type(error).__name__,
                    reason=self._door.text(error),
                    retryable=isinstance(error, Transient),
                )
            )


def failure_of(row: RowMapping) -> FailureRow:
    """A failure from its row."""
    plain = {name: row[name] for name in FailureRow.__dataclass_fields__ if name != "attempt"}
    return FailureRow(attempt=attempt_of(row), **plain)
