"""UUIDv7: ids that sort by time, so that rows of a month lie in one partition."""

from datetime import UTC, datetime
from uuid import UUID

from uuid6 import uuid7


def new_id() -> UUID:
    """A fresh id, greater than all that this process has made before."""
    return UUID(int=uuid7().int)


def first_id(at: datetime) -> UUID:
    """The smallest id of a moment: a bound of a partition."""
    return UUID(int=int(at.astimezone(UTC).timestamp() * 1000) << 80)
