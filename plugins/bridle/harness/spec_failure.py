"""Failed attempts at tasks of a spec are counted, once for each run."""

from bridle.harness.routine import Routine
from bridle.harness.step import Step
from bridle.ledger.tasks import BLOCKED, LANDED, OPEN, WORKING, TaskRow


def count_failure(step: Step, routine: Routine, key: str, why: str) -> str:
    """Count a failed attempt; returns what became of the task."""
    row = next((row for row in step.ledger.spec_tasks(routine.name) if row.key == key), None)
    # a retry: it was counted before; or another run has the task by now
    if row is None or row.state not in {WORKING, LANDED} or not is_of_this_run(step, row):
        return why
    blocked = row.attempts + 1 >= routine.attempts
    step.ledger.set_task(
        routine.name, key, BLOCKED if blocked else OPEN, run=step.attempt.step, reason=why, failed=1
    )
    return f"attempt {row.attempts + 1} failed{', now blocked' if blocked else ''}: {why}"


def is_of_this_run(step: Step, row: TaskRow) -> bool:
    """Whether the run of a step is who has the task."""
    return (row.dag_id, row.run_id) == (step.attempt.step.dag_id, step.attempt.step.run_id)
