"""What restarts in mid-run do to runs: `python benchmarks/restarts.py [restarts] [part …]`.

On a local stack with the settings that `bridle up` ships, issues are worked on by the real agents with a
scripted model, two at once, one after another. Meanwhile, at random moments and in random order, parts are
killed with -9: scheduler, API server, or PostgreSQL for 3 or 20 seconds; ten times each by default. Printed
is, for each part, how many runs its restarts hit, how many of these ended right (one pull request, its check
passes on a fresh checkout, and no finished session was done again), and how long they took; a run may be hit
more than once. For comparison there are runs that nothing happens to.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bridle.config.starter import starter_dir
from bridle.errors import BridleError, LedgerUnavailable
from bridle.ledger.queries import Queries
from bridle.ledger.records import SessionRow
from bridle.local.databases import LEDGER_VARIABLE, METADATA_VARIABLE
from bridle.local.postgres import Postgres
from bridle.local.rest import AirflowClient
from bridle.local.stack import Stack
from bridle.testing.git_repository import GitRepository, plain_git

FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "test_calc.py": "from calc import add\n\nassert add(2, 2) == 4\n",
}
ISSUE = """\
---
title: add subtracts
author: ada
association: OWNER
labels: [bug]
---
`add(2, 2)` is 0.
"""
CHECK = "python3 test_calc.py"
SCRIPT: dict[str, list[Any]] = {
    "investigate": [[{"output": {"root_cause": "r", "files": ["calc.py"], "plan": "p", "confidence": 0.9}}]],
    "fix.implement_1": [
        [
            {"ops": [{"op": "read", "path": "calc.py"}], "delay": 2},
            {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}], "delay": 2},
            {"ops": [{"op": "shell", "command": "sleep 5"}], "delay": 2},
            {"text": "Fixed.", "delay": 2},
        ]
    ],
    "fix.review_1": [[{"output": {"verdict": "approve", "summary": "It adds.", "findings": []}}]],
}
PATIENCE_SECONDS = 600.0
AT_ONCE = 2
"""Runs."""
UNDISTURBED = 3
"""Runs that nothing happens to, for each of those at once."""
BETWEEN_SECONDS = (25.0, 60.0)
"""From the end of one restart to the next: at least and at most."""
NOTHING = "nothing"
PARTS = ("scheduler", "api-server", "postgres-3s", "postgres-20s")


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    seconds: float
    wrong: tuple[str, ...]
    """Empty when it ended right."""
    resumed: int
    """Sessions that went on from another's checkpoint."""
    rounds: int
    """The most that one of its steps took."""


class Place:
    """A stack, and a repository of its own for each run."""

    def __init__(self, folder: Path, stack: Stack, postgres: Postgres, names: list[str]) -> None:
        self.folder, self.stack, self.postgres = folder, stack, postgres
        self.repositories = {name: GitRepository(folder / name / "repository", FILES) for name in names}
        for name in names:
            (folder / name / "issues").mkdir()
            (folder / name / "issues" / "1.md").write_text(ISSUE)

    def kill(self, part: str) -> None:
        """Kill a component of the stack; its supervisor starts it again."""
        report = self.stack.status()
        pid = report.components[part].pid if report else None
        if pid is not None:
            psutil.Process(pid).kill()

    def outage(self, seconds: float) -> None:
        """Kill PostgreSQL, and start it again after a while."""
        self.postgres.stop(grace_seconds=0)
        time.sleep(seconds)
        self.postgres.start()

    def restart(self, part: str) -> None:
        """Let one of `PARTS` happen."""
        if part.startswith("postgres-"):
            self.outage(float(part.removeprefix("postgres-").removesuffix("s")))
        else:
            self.kill(part)

    def run(self, name: str) -> Outcome:
        """Work on issue 1 of a repository."""
        info = self.stack.info()
        with AirflowClient(info.url, token=info.token) as airflow:
            began = time.monotonic()
            wanted = {"repo": name, "issue": 1, "approvals": []}
            run = airflow.trigger("issue_fix", wanted, run_id=name)
            state = "running"
            while state not in ("success", "failed") and time.monotonic() - began < PATIENCE_SECONDS:
                time.sleep(0.5)
                try:
                    state = airflow.run(run.dag_id, run.run_id).state
                except BridleError:
                    continue  # what was killed is not back yet
            seconds = time.monotonic() - began
        return self._judged(name, state, seconds)

    def _judged(self, name: str, state: str, seconds: float) -> Outcome:
        wrong = [] if state == "success" else [f"the run is {state}"]
        sessions = self._sessions(name)
        # another round is another session: a resumed agent may have passed over what was interrupted
        done = [(it.attempt.step.task_id, it.round) for it in sessions if it.outcome == "done"]
        if len(done) != len(set(done)):
            wrong.append(f"a finished session was done again: {sorted(done)}")
        pulls = list((self.folder / name / "pulls").glob("*.md"))
        if len(pulls) != 1:
            wrong.append(f"{len(pulls)} pull requests")
        elif not self._check_passes(name):
            wrong.append("the check fails on the branch")
        resumed = sum(session.resumed_from is not None for session in sessions)
        return Outcome(seconds, tuple(wrong), resumed, max((it.round for it in sessions), default=0))

    def _sessions(self, name: str) -> list[SessionRow]:
        while True:
            try:
                with Queries(self.stack.info().ledger_url) as queries:
                    return queries.sessions("issue_fix", name)
            except LedgerUnavailable:  # another restart
                time.sleep(1)

    def _check_passes(self, name: str) -> bool:
        place = self.folder / name / "fresh"
        url = str(self.repositories[name].path)
        plain_git(self.folder, "clone", "--quiet", "--branch", "bridle/issue-1", url, str(place))
        return subprocess.run(["sh", "-c", CHECK], cwd=place, check=False).returncode == 0


class Stream:
    """Runs one after another, `AT_ONCE` side by side, and what hits them."""

    def __init__(self, place: Place, names: Iterator[str]) -> None:
        self._place, self._names = place, names
        self._lock = threading.Lock()
        self._under_way: dict[str, set[str]] = {}
        self._over = threading.Event()
        self.outcomes: dict[str, list[Outcome]] = {}
        """By part."""
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._workers = [self._pool.submit(self._work) for _ in range(AT_ONCE)]

    def hit(self, part: str) -> None:
        """Restart a part, which is told of every run that is under way meanwhile."""
        with self._lock:
            for hits in self._under_way.values():
                hits.add(part)
        self._place.restart(part)

    def end(self) -> None:
        """Let those under way end."""
        self._over.set()
        for worker in self._workers:
            worker.result()
        self._pool.shutdown()

    def _work(self) -> None:
        while not self._over.is_set():
            with self._lock:
                name = next(self._names)
                hits = self._under_way[name] = set()
            outcome = self._place.run(name)
            with self._lock:
                del self._under_way[name]
                print(f"{name}, hit by {', '.join(sorted(hits)) or NOTHING}: {outcome}", flush=True)
                for part in hits or {NOTHING}:
                    self.outcomes.setdefault(part, []).append(outcome)


@contextmanager
def place_of(names: list[str]) -> Iterator[Place]:
    """Everything started, and ended."""
    with tempfile.TemporaryDirectory(prefix="bridle-restarts-") as home:
        folder = Path(home)
        folder.chmod(0o711)
        entries = {
            name: {
                "forge": "local",
                "url": (folder / name / "repository").as_uri(),
                "issues": str(folder / name / "issues"),
                "checks": {"tests": CHECK},
            }
            for name in names
        }
        (folder / "repositories.yaml").write_text(yaml.safe_dump({"repositories": entries}))
        (folder / "script.yaml").write_text(yaml.safe_dump(SCRIPT))
        env = {
            "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
            "AIRFLOW__BRIDLE__SCRIPT": str(folder / "script.yaml"),
            "AIRFLOW__BRIDLE__REPOSITORIES_FILE": str(folder / "repositories.yaml"),
            "AIRFLOW__BRIDLE__CHECKPOINT_SECONDS": "1",
        }
        with Postgres(folder / "postgres") as postgres:
            for variable, database in ((METADATA_VARIABLE, "airflow"), (LEDGER_VARIABLE, "bridle")):
                postgres.create_database(database)
                os.environ[variable] = postgres.url(database)
            starter = starter_dir()
            stack = Stack(folder / "stack", dags=starter / "dags", include=starter / "include", env=env)
            try:
                stack.up(lambda line: print(f"  {line}", flush=True), tethered=True)
                yield Place(folder, stack, postgres, names)
            finally:
                stack.down()


def main() -> int:
    """Run everything; the exit code is 1 when a run ended wrong."""
    restarts = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    parts = sys.argv[2:] or PARTS
    order = random.sample([*parts] * restarts, k=restarts * len(parts))
    names = [f"run-{number}" for number in range(UNDISTURBED * AT_ONCE + 4 * len(order) + 9)]
    with place_of(["warm-up", *names]) as place:
        place.run("warm-up")
        stream = Stream(place, iter(names))
        while len(stream.outcomes.get(NOTHING, ())) < UNDISTURBED * AT_ONCE:
            time.sleep(1)
        for number, part in enumerate(order, start=1):
            time.sleep(random.uniform(*BETWEEN_SECONDS))
            print(f"{number} of {len(order)}: {part}", flush=True)
            stream.hit(part)
        stream.end()
    print(f"\n{'part':<14}{'restarts':>9}{'ended right':>13}{'median s':>10}{'worst s':>9}{'resumed':>9}")
    for part in (NOTHING, *parts):
        its = stream.outcomes.get(part, [])
        right = sum(not it.wrong for it in its)
        seconds = [it.seconds for it in its] or [0.0]
        resumed = sum(it.resumed for it in its)
        print(
            f"{part:<14}{order.count(part):>9}{f'{right} of {len(its)}':>13}"
            f"{statistics.median(seconds):>10.0f}{max(seconds):>9.0f}{resumed:>9}"
        )
    return int(any(it.wrong for its in stream.outcomes.values() for it in its))


if __name__ == "__main__":
    sys.exit(main())
