"""Follow a run in the terminal until it has ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from bridle.cli.narrate import Narrator, line
from bridle.cli.watch import Watch
from bridle.errors import Transient
from bridle.local.rest import AirflowClient, DagRun, Question

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long Airflow or the ledger may be away before following gives up; the run itself goes on."""


@dataclass
class Follower:
    """Prints what happens in one run.

    Args:
        airflow: where the run is.
        watch: what the ledger says about it.
        console: where lines go.
        on_question: called once for each question that the run asks.
        narrator: numbers the steps.
    """

    airflow: AirflowClient
    watch: Watch
    console: Console
    on_question: Callable[[Question], None]
    narrator: Narrator = field(default_factory=Narrator)
    _asked: set[str] = field(default_factory=set)
    _failed: set[tuple[tuple[str, int], int]] = field(default_factory=set)

    def follow(self, dag_id: str, run_id: str) -> DagRun:
        """Tell the run until it has ended, and return it as it ended.

        Raises:
            Transient: Airflow or the ledger stayed away for `PATIENCE_SECONDS`.
        """
        seen = time.monotonic()
        while True:
            try:
                run = self._poll(dag_id, run_id)
            except Transient:
                if time.monotonic() - seen > PATIENCE_SECONDS:
                    raise
            else:
                seen = time.monotonic()
                if run.ended:
                    return run
            time.sleep(POLL_SECONDS)

    def _poll(self, dag_id: str, run_id: str) -> DagRun:
        # the state first: what is read after it is at least as new, so the last lines are not missed
        run = self.airflow.run(dag_id, run_id)
        tasks = self.airflow.tasks(dag_id, run_id)
        for told in self.narrator.tell(self.watch.moment(tasks)):
            self.console.print(told, soft_wrap=True)
        for task in tasks:
            end = (task.key, task.try_number)
            if task.state in ("failed", "up_for_retry") and end not in self._failed:
                self._failed.add(end)
                reason = line(self.airflow.last_error(dag_id, run_id, task))
                self.console.print(
                    f"       {escape(task.name)}: {escape(reason)}", style="red", soft_wrap=True
                )
        for question in self.airflow.questions(dag_id, run_id):
            if question.id not in self._asked:
                self._asked.add(question.id)
                self.on_question(question)
        return run
