"""One whole run of the spec routine for `twenty_steps.py --real`: nothing is played but the model's words.

Real are the ledger in PostgreSQL, git, picking, the sessions of the agent `api` in processes of their own
behind the gateway, the checks in clones of their own, landing, pushing, the pull request in the local forge.
The model is scripted. Airflow takes no part: the steps of a run are called one after the other.
"""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration" / "harness"))

from harness_bench import Bed, assignment
from spec_table import Table

from bridle.errors import SessionFailed
from bridle.harness.lane import Lane
from bridle.harness.work import Work, work
from bridle.ledger import migrate
from bridle.ledger.queries import Queries
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from bridle.testing.git_repository import GitRepository
from bridle.testing.postgres import fresh_database


class Agents(Table):
    """The routine with sessions of real agents in its lane.

    Args:
        bed: makes its steps.
        answers: what the model writes for a task, session by session.
        plan: the spec.
        rounds: at most, for an attempt.
        checked: whether the work is checked at all.
    """

    def __init__(self, bed: Bed, answers: Iterator[str], *, plan: str, rounds: int, checked: bool) -> None:
        super().__init__(bed, plan=plan, check="! grep -q ^wrong T*" if checked else "true")
        self.answers, self.rounds, self.checked = answers, rounds, checked

    def lane(self) -> Lane:
        """What sessions make of the task that was picked."""
        (key,) = self.picked.tasks
        said = [next(self.answers) for _ in range(self.rounds)]
        played = [
            [{"ops": [{"op": "write", "path": key, "content": f"{text}\n"}]}, {"text": f"Wrote {key}."}]
            for text in said
        ]
        self.bed.script.write_text(yaml.safe_dump({"work_1.implement": played}))
        wanted = Work(
            assignment=lambda number, feedback: assignment(f"Write {key}. Round {number}. {feedback}"),
            repository=self.routine.repository,
            base=self.picked.commit,
            check="tests" if self.checked else None,
            max_rounds=self.rounds,
            must_change=True,
        )
        try:
            done = work(self.step("work_1.implement"), wanted)
        except SessionFailed:
            return Lane("work_1", None, None, False)
        return Lane("work_1", done.commit, done.base, False)

    def play(self) -> None:
        """Runs of the routine until no task is left."""
        while self.pick() and self.picked.tasks:
            self.land(self.lane())
            self.finish(self.publish() if self.landed.commit else None)


def real_run(
    answers: Iterator[str], *, plan: str, steps: int, rounds: int, checked: bool
) -> tuple[bool, int]:
    """Whether every step came out right, by somebody who looks at all of it; and its sessions.

    Args:
        answers: what the model writes, session by session: `right`, or something else.
        plan: the spec, with the tasks T001, T002 …
        steps: how many.
        rounds: at most, for an attempt.
        checked: whether the work is checked at all.
    """
    folder = Path(tempfile.mkdtemp(prefix="bridle-steps-"))
    folder.chmod(0o755)
    try:
        with Postgres(folder / "postgres", fast=True) as postgres, fresh_database(postgres) as url:
            migrate.upgrade(url)
            with Ledger(url, spool=folder / "spool") as ledger:
                user = GitRepository(folder / "user" / "repository", {"README.md": "# Twenty steps\n"})
                bed = Bed(folder, ledger, user, folder / "script.yaml", {}, threading.Event())
                table = Agents(bed, answers, plan=plan, rounds=rounds, checked=checked)
                table.play()
                listed = user.git("ls-tree", "-r", "--name-only", table.branch).split()
                made = {name: table.show(table.branch, name) for name in listed if name.startswith("T")}
            with Queries(url) as rows:
                sessions = len(rows.sessions())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return len(made) == steps and set(made.values()) == {"right\n"}, sessions
