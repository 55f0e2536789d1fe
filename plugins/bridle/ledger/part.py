"""What every part of the ledger is built from."""

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, and_

from bridle.ledger.database import Database
from bridle.ledger.door import Door
from bridle.ledger.records import Attempt, Fence, StepKey


class Part:
    """One noun's reads and writes; `Ledger` is all of them together."""

    _db: Database
    _door: Door


def attempt_values(attempt: Attempt) -> dict[str, Any]:
    """The columns that say which try of which step a row belongs to."""
    step = attempt.step
    return {
        "dag_id": step.dag_id,
        "run_id": step.run_id,
        "task_id": step.task_id,
        "map_index": step.map_index,
        "ti_id": attempt.ti_id,
        "try_number": attempt.try_number,
        "generation": attempt.generation,
        "loop_id": attempt.loop_id,
        "loop_round": attempt.loop_round,
    }


def fence_values(fence: Fence) -> dict[str, Any]:
    """The columns of a fence."""
    return {"fence_key": fence.key, "fence_token": fence.token, "fence_holder": fence.holder}


def attempt_of(row: RowMapping) -> Attempt:
    """The attempt in a row."""
    return Attempt(
        step=StepKey(row["dag_id"], row["run_id"], row["task_id"], row["map_index"]),
        ti_id=row["ti_id"],
        try_number=row["try_number"],
        generation=row["generation"],
        loop_id=row["loop_id"],
        loop_round=row["loop_round"],
    )


def fence_of(row: RowMapping) -> Fence:
    """The fence in a row."""
    return Fence(row["fence_key"], row["fence_token"], row["fence_holder"])


def of_step(table: Table, step: StepKey) -> ColumnElement[bool]:
    """Rows of one step."""
    return and_(
        table.c.dag_id == step.dag_id,
        table.c.run_id == step.run_id,
        table.c.task_id == step.task_id,
        table.c.map_index == step.map_index,
    )
