"""What restarts in mid-run do to a run: `python benchmarks/restarts.py [restarts] [part …]`.

On a local stack with the settings that `bridle up` ships, issues are worked on by the real agents with a
scripted model, two at once that began at random moments; in the midst of them one part is killed with -9:
scheduler, API server, or PostgreSQL for 3 or 20 seconds; ten times each by default. Printed is, for each
part, how many runs ended right (one pull request, its check passes on a fresh checkout, and no finished
session was done again), how long they took beside runs that nothing happened to, and how many sessions went
on from another's checkpoint.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bridle.config.starter import starter_dir
from bridle.errors import BridleError
from bridle.ledger.queries import Queries
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
"""Runs that the same restart hits, each at a moment of its own."""
UNDISTURBED = 3
"""Times that nothing happens, to compare with."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    seconds: float
    wrong: tuple[str, ...]
    """Empty when it ended right."""
    resumed: int
    """Sessions that went on from another's checkpoint."""


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

    def together(self, names: list[str], happening: Callable[[], None], spread: float) -> list[Outcome]:
        """Work on issue 1 of each repository, begun within `spread` seconds; then it happens."""
        with ThreadPoolExecutor(len(names)) as pool:
            runs = [pool.submit(self.run, name, random.uniform(0, spread)) for name in names]
            time.sleep(spread)
            happening()
            return [run.result() for run in runs]

    def run(self, name: str, delay: float = 0) -> Outcome:
        """Work on issue 1 of a repository, after `delay` seconds."""
        time.sleep(delay)
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
        with Queries(self.stack.info().ledger_url) as queries:
            sessions = queries.sessions("issue_fix", name)
        done = [session.attempt.step.task_id for session in sessions if session.outcome == "done"]
        if len(done) != len(set(done)):
            wrong.append(f"a finished session was done again: {sorted(done)}")
        pulls = list((self.folder / name / "pulls").glob("*.md"))
        if len(pulls) != 1:
            wrong.append(f"{len(pulls)} pull requests")
        elif not self._check_passes(name):
            wrong.append("the check fails on the branch")
        return Outcome(seconds, tuple(wrong), sum(session.resumed_from is not None for session in sessions))

    def _check_passes(self, name: str) -> bool:
        place = self.folder / name / "fresh"
        url = str(self.repositories[name].path)
        plain_git(self.folder, "clone", "--quiet", "--branch", "bridle/issue-1", url, str(place))
        return subprocess.run(["sh", "-c", CHECK], cwd=place, check=False).returncode == 0


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
    parts = sys.argv[2:] or ["scheduler", "api-server", "postgres-3s", "postgres-20s"]
    times = {"nothing": UNDISTURBED, **dict.fromkeys(parts, restarts)}
    groups = [
        (part, [f"{part}-{group}-{number}" for number in range(AT_ONCE)])
        for part in times
        for group in range(times[part])
    ]
    outcomes: dict[str, list[Outcome]] = {part: [] for part in times}
    with place_of(["warm-up", *(name for _, names in groups for name in names)]) as place:
        happenings: dict[str, Callable[[], None]] = {
            "nothing": lambda: None,
            "scheduler": lambda: place.kill("scheduler"),
            "api-server": lambda: place.kill("api-server"),
            "postgres-3s": lambda: place.outage(3),
            "postgres-20s": lambda: place.outage(20),
        }
        place.run("warm-up")
        for part, names in groups:
            undisturbed = [it.seconds for it in outcomes["nothing"]]
            spread = statistics.median(undisturbed) if undisturbed else 0.0
            for outcome in place.together(names, happenings[part], spread):
                outcomes[part].append(outcome)
                print(f"{part}: {outcome}", flush=True)
    print(f"\n{'part':<14}{'restarts':>9}{'ended right':>13}{'median s':>10}{'worst s':>9}{'resumed':>9}")
    for part, its in outcomes.items():
        right = sum(not it.wrong for it in its)
        seconds = [it.seconds for it in its]
        resumed = sum(it.resumed for it in its)
        print(
            f"{part:<14}{times[part]:>9}{f'{right} of {len(its)}':>13}{statistics.median(seconds):>10.0f}"
            f"{max(seconds):>9.0f}{resumed:>9}"
        )
    return int(any(it.wrong for its in outcomes.values() for it in its))


if __name__ == "__main__":
    sys.exit(main())
