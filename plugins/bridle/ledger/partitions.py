"""Monthly partitions of the two tables that grow."""

from datetime import UTC, datetime

from sqlalchemy import Connection, Table, text

from bridle.ledger.ids import first_id
from bridle.ledger.schema import PARTITIONED, SCHEMA


def make_partitions(connection: Connection, start: datetime, *, months: int) -> list[str]:
    """Make the partitions of some months, ahead of their rows.

    A month whose rows have already begun to arrive in the default partition stays there.

    Args:
        connection: of the tables' owner, in a transaction.
        start: any moment of the first month.
        months: how many.

    Returns:
        The names of those that are new.
    """
    made = []
    for offset in range(months):
        month = start.year * 12 + start.month - 1 + offset
        lower, upper = first_id(_month(month)), first_id(_month(month + 1))
        for table in PARTITIONED:
            name = f"{table.name}_{_month(month):%Y_%m}"
            taken = connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.{name}"})
            if taken is not None or _has_rows(connection, f"{table.name}_default", str(lower), str(upper)):
                continue
            connection.execute(
                text(
                    f"CREATE TABLE {SCHEMA}.{name} PARTITION OF {SCHEMA}.{table.name} "
                    f"FOR VALUES FROM ('{lower}') TO ('{upper}')"
                )
            )
            made.append(name)
    return made


def drop_partitions(connection: Connection, table: Table, *, before: datetime) -> list[str]:
    """Drop the months of `table` that ended before a moment; returns their names.

    Args:
        connection: of the table's owner, in a transaction.
        table: a partitioned one.
        before: a month that this lies in is kept whole.
    """
    newest = f"{table.name}_{before:%Y_%m}"
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:parent)"
    found = connection.scalars(text(query), {"parent": f"{SCHEMA}.{table.name}"})
    names = sorted(name.rpartition(".")[2] for name in found)
    old = [name for name in names if name != f"{table.name}_default" and name < newest]
    for name in old:
        connection.execute(text(f"DROP TABLE {SCHEMA}.{name}"))
    return old


def _has_rows(connection: Connection, table: str, lower: str, upper: str) -> bool:
    query = f"SELECT EXISTS (SELECT FROM {SCHEMA}.{table} WHERE session_id >= :lower AND session_id < :upper)"  # noqa: S608
    return bool(connection.scalar(text(query), {"lower": lower, "upper": upper}))


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
