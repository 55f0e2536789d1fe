"""One run of a workflow, as its user and as the ledger see it."""

import json
import time
from collections import Counter

from bridle.ledger.queries import Queries, StepRow
from bridle.ledger.records import SessionRow
from bridle.local.rest import AirflowClient, DagRun, Question, TaskInstance

SECONDS = 480
"""How long anything may take while everything else runs beside it."""
ENDED = ("success", "failed", "skipped", "upstream_failed")
"""States of a task that does nothing more by itself."""


class Run:
    """A run that was started."""

    def __init__(self, airflow: AirflowClient, ledger: Queries, run: DagRun) -> None:
        self.airflow = airflow
        self.ledger = ledger
        self.dag_id, self.run_id = run.dag_id, run.run_id

    def question(self) -> Question:
        """What the run asks a human, as soon as it asks."""
        deadline = time.monotonic() + SECONDS
        while not (asked := self.airflow.questions(self.dag_id, self.run_id)):
            run = self.airflow.run(self.dag_id, self.run_id)
            assert not run.ended, (
                f"{self.run_id} {run.state} without asking: {self.failures()} {self.states()}"
            )
            assert time.monotonic() < deadline, f"{self.run_id} does not ask: {self.states()}"
            time.sleep(0.5)
        return asked[0]

    def answer(self, option: str, feedback: str = "") -> None:
        """Answer the run's question, and wait until its task has the answer.

        On a busy machine Airflow may miss one that comes before it has seen that the task waits. It then
        fails the try, and the next one asks again.
        """
        question = self.question()
        self.airflow.answer(question, option, feedback=feedback)
        deadline = time.monotonic() + SECONDS
        while self.task(question.task_id).state not in ENDED:
            assert time.monotonic() < deadline, f"{question.task_id} goes on: {self.states()}"
            asked = self.airflow.questions(self.dag_id, self.run_id)
            if again := next((each for each in asked if each.task_id == question.task_id), None):
                self.airflow.answer(again, option, feedback=feedback)
            time.sleep(0.5)

    def ended(self) -> str:
        """The run's state, once it has ended."""
        deadline = time.monotonic() + SECONDS
        while not (run := self.airflow.run(self.dag_id, self.run_id)).ended:
            assert time.monotonic() < deadline, f"{self.run_id} does not end: {self.states()}"
            time.sleep(0.5)
        return run.state

    def task(self, task_id: str) -> TaskInstance:
        """One of its tasks, in its newest try."""
        tasks = self.airflow.tasks(self.dag_id, self.run_id)
        return next(task for task in tasks if task.task_id == task_id)

    def states(self) -> dict[str, str | None]:
        """Task to state."""
        return {task.task_id: task.state for task in self.airflow.tasks(self.dag_id, self.run_id)}

    def log(self, task_id: str, try_number: int | None = None) -> str:
        """The log of one try of a task; default: its newest."""
        task = self.task(task_id)
        if try_number is not None:
            task = task.model_copy(update={"try_number": try_number})
        return "\n".join(self.airflow.log(self.dag_id, self.run_id, task))

    def error(self, task_id: str) -> str:
        """The last error in a task's log."""
        return self.airflow.last_error(self.dag_id, self.run_id, self.task(task_id))

    def errors(self, task_id: str) -> list[str]:
        """Every line of a task's log that is an error."""
        lines = self.airflow._log(self.dag_id, self.run_id, self.task(task_id))
        return [str(line) for line in lines if line.get("level") in ("error", "critical")]

    def failures(self) -> dict[str, str]:
        """Failed task to its last error."""
        return {task: self.error(task) for task, state in self.states().items() if state == "failed"}

    def steps(self) -> dict[str, StepRow]:
        """Task to what the ledger has of it; only those with sessions or checks."""
        return {row.step.task_id: row for row in self.ledger.run(self.dag_id, self.run_id)}

    def sessions(self, task_id: str | None = None) -> list[SessionRow]:
        """The run's sessions, or those of one task, oldest first."""
        found = reversed(self.ledger.sessions(self.dag_id, self.run_id))
        return [row for row in found if task_id in (None, row.attempt.step.task_id)]

    def sessions_by_task(self) -> Counter[str]:
        """How many sessions each task had."""
        return Counter(row.attempt.step.task_id for row in self.sessions())

    def xcoms(self) -> dict[str, dict[str, object]]:
        """Task to everything that it pushed."""
        path = f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/~/xcomEntries"
        entries: list[dict[str, str]] = []
        while page := self.airflow._get(path, limit=100, offset=len(entries))["xcom_entries"]:
            entries += page
        found: dict[str, dict[str, object]] = {}
        for task, key in ((entry["task_id"], entry["key"]) for entry in entries):
            found.setdefault(task, {})[key] = self.airflow.value(self.dag_id, self.run_id, task, key)
        return found

    def links(self, task_id: str) -> dict[str, str | None]:
        """Name to address of each link on a task's page."""
        path = f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{task_id}/links"
        return dict(self.airflow._get(path)["extra_links"])

    def xcom_bytes(self) -> dict[str, int]:
        """Task to the size of everything that it pushed."""
        return {task: len(json.dumps(values).encode()) for task, values in self.xcoms().items()}
