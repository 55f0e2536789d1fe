"""What the ledger says about one run, read again and again while it goes on."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self
from uuid import UUID

from bridle.cli.narrate import Moment
from bridle.cli.report import StepCost
from bridle.ledger.queries import NOTHING, Queries, StepRow
from bridle.ledger.records import EventRow, SessionRow
from bridle.local.rest import TaskInstance


class Watch:
    """Reads a run; events that were read once are not read again. A context manager."""

    def __init__(self, ledger_url: str, dag_id: str, run_id: str) -> None:
        self._queries = Queries(ledger_url)
        self._dag_id = dag_id
        self._run_id = run_id
        self._read: dict[UUID, int] = {}
        self._closed: set[UUID] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queries.close()

    def moment(self, tasks: Sequence[TaskInstance]) -> Moment:
        """The run as it is now, with the events that are new.

        Raises:
            LedgerUnavailable: Postgres cannot be reached.
        """
        steps = self._steps()
        sessions = [session for step in steps for session in step.sessions]
        return Moment(
            tasks=tasks,
            sessions=sessions,
            checks=[check for step in steps for check in step.checks],
            events=[event for session in sessions for event in self._new_events(session)],
            spent={(step.step.task_id, step.step.map_index): step.totals for step in steps},
        )

    def costs(self, tasks: Sequence[TaskInstance]) -> list[StepCost]:
        """Model use of every task that ran, in the order in which they began."""
        steps = {(step.step.task_id, step.step.map_index): step for step in self._steps()}
        ran = [task for task in tasks if task.start_date is not None and task.state != "skipped"]
        costs = []
        for task in sorted(ran, key=lambda task: (task.start_date, task.task_id)):
            step = steps.get(task.key)
            sessions = step.sessions if step else ()
            totals = step.totals if step else NOTHING
            models = ", ".join(dict.fromkeys(session.model for session in sessions))
            costs.append(
                StepCost(task.name, models, len(sessions), totals.calls, totals.usage, totals.cost_usd)
            )
        return costs

    def _steps(self) -> list[StepRow]:
        return self._queries.run(self._dag_id, self._run_id)

    def _new_events(self, session: SessionRow) -> list[EventRow]:
        if session.id in self._closed:
            return []
        events = self._queries.events(session.id, after=self._read.get(session.id, 0))
        if events:
            self._read[session.id] = events[-1].seq
        elif session.closed_at is not None:
            self._closed.add(session.id)
        return events
