"""Histories to search: commits that sessions made, through the ledger and its carrier, without any agent."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bridle.config.settings import Settings
from bridle.harness.bench import Bench
from bridle.harness.step import Step
from bridle.harness.wrong_round import Wanted, find_wrong_round
from bridle.ledger.bisects import BisectRow, ProbeRow
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, SessionRow, StepKey
from bridle.ledger.searched import Searched
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository
from bridle.testing.ledger import session_start
from bridle.workspace.files import commit_with
from bridle.workspace.merge import merge

LOOP = "goal-1"
REPO = "acme/board"
CHECKS = {"tests": "test ! -e bad.txt", "lint": "true"}

Files = Mapping[str, str]


@dataclass
class BisectBed:
    """A repository, its ledger, and hosts that work on it."""

    folder: Path
    ledger: Ledger
    user: GitRepository
    checks: Mapping[str, str] = field(default_factory=lambda: CHECKS)
    isolation: str = "auto"
    tries: int = 0

    def __post_init__(self) -> None:
        entry = {
            "forge": "local",
            "url": self.user.path.as_uri(),
            "issues": str(self.folder / "issues"),
            "checks": dict(self.checks),
        }
        self.repositories.write_text(yaml.safe_dump({"repositories": {REPO: entry}}, sort_keys=False))
        self.head = self.bench("look").resolve("main")

    @property
    def repositories(self) -> Path:
        """The allow-list."""
        return self.folder / "repositories.yaml"

    def step(self, task: str, *, key: StepKey | None = None, host: str = "one", **attempt: Any) -> Step:
        """The next try of a step, as Airflow would start it."""
        self.tries += 1
        key = key or StepKey("issue_fix", "run-1", task)
        of = Attempt(key, str(new_id()), self.tries, **({"generation": 2} | attempt))
        settings = Settings(
            home=self.folder / host,
            include_dir=None,
            repositories_file=self.repositories,
            ledger_conn_id="",
            gateway_mode="script",
            script=None,
            isolation=self.isolation,
            allow_unsandboxed=False,
        )
        return Step(of, settings, self.ledger, self.ledger.take_step(of), stop=threading.Event())

    def bench(self, task: str, **given: Any) -> Bench:
        """Where that step works."""
        step = self.step(task, **given)
        return Bench(step, step.repository(REPO))

    def session(
        self,
        files: Sequence[Files],
        *,
        base: str | None = None,
        task: str = "implement",
        commits: bool = True,
        resumed: SessionRow | None = None,
        round: int = 1,
        **given: Any,
    ) -> SessionRow:
        """A session that writes files, with a checkpoint after each but the last, which it commits.

        Args:
            files: what it writes, from checkpoint to checkpoint.
            base: where it starts; default: the head.
            task: its step.
            commits: whether it comes to its end; else the last is a checkpoint too.
            resumed: the session that it goes on from.
            round: of the step.
            given: further parts of the attempt.
        """
        bench = self.bench(task, **given)
        step, base = bench.step, base or self.head
        start = session_start(
            step.attempt,
            step.fence,
            repo=REPO,
            base_commit=base,
            round=round,
            resumed_from=resumed.id if resumed else None,
        )
        made = self.ledger.open_session(start)
        from_ = resumed.checkpoint if resumed else None
        if len(files) == 1 and commits and not resumed:
            sha = self._commit(bench, base, files[0])
            self.ledger.close_session(made, outcome="done", commit=sha)
            self.head = sha or self.head
            return self.ledger.session(made)
        with bench.workspace.open(bench.required, base, str(made), start=from_) as clone:
            for number, written in enumerate(files, start=1):
                for path, text in written.items():
                    (clone.path / path).write_text(text)
                if number < len(files) or not commits:
                    self.ledger.checkpoint(made, clone.checkpoint())
            sha = clone.commit("Work") if commits else None
        self.ledger.close_session(made, outcome="done" if commits else "limit", commit=sha)
        self.head = sha or self.head
        return self.ledger.session(made)

    def _commit(self, bench: Bench, base: str, files: Files) -> str | None:
        """What a session's clone would commit, without a clone."""
        sha = base
        for path, text in files.items():
            sha = commit_with(bench.mirror, sha, path, text.encode(), parent=sha, message="Work")
        bench.workspace.carrier.put(bench.mirror, sha, base)
        return sha if sha != base else None

    def open_loop(self) -> None:
        """A loop that starts at the head."""
        self.ledger.open_loop(
            LOOP,
            dag_id="goal_loop",
            goal="Build it.",
            repo=REPO,
            base=self.head,
            branch="bridle/goal-1",
            params={"max_rounds": 50},
            hours=None,
        )

    def round(self, number: int, *workers: Files) -> list[SessionRow]:
        """A round of workers side by side, merged in order."""
        base, run_id = self.head, f"{LOOP}-r{number}"
        of = {"loop_id": LOOP, "loop_round": number}
        orders = self.step("orchestrate", key=StepKey("goal_loop", run_id, "orchestrate"), **of)
        self.ledger.decide(
            orders.attempt,
            what="orders",
            options=["done", "tasks"],
            choice=f"{len(workers)} tasks",
            why=f"Round {number} is needed.",
            confidence=None,
            by="model:orchestrator",
        )
        row = self.ledger.open_round(LOOP, number, run_id=run_id, base=base)
        sessions = [
            self.session([files], base=base, key=StepKey("goal_loop", run_id, "work", index), **of)
            for index, files in enumerate(workers)
        ]
        if len(workers) > 1:
            bench = self.bench("integrate", key=StepKey("goal_loop", run_id, "integrate"), **of)
            made = [str(row.commit) for row in sessions]
            self.head = merge(bench.mirror, bench.workspace.carrier, base, made).commit
        self.ledger.note_round(
            row, dispatched=[{"title": f"Write {', '.join(files)}"} for files in workers], head=self.head
        )
        return sessions

    def search(self, searched: Searched, check: str = "tests", **wanted: Any) -> BisectRow:
        """Search, on a host that has never seen the work."""
        host = f"other-{self.tries}"
        step = self.step("bisect", key=StepKey("bridle_bisect", f"b-{self.tries}", "bisect"), host=host)
        return find_wrong_round(step, Wanted(searched, check, "human:ada", **wanted))

    def probes(self, row: BisectRow) -> list[ProbeRow]:
        """Every check that a search ran."""
        return self.ledger.probes(row.id)


RUN = Searched("issue_fix", "run-1")
WHOLE_LOOP = Searched("goal_loop", loop_id=LOOP)
