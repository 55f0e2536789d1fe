"""Twenty steps by a worker that is wrong in one of twenty: `python benchmarks/twenty_steps.py [runs]`.

A spec of 20 tasks is worked through, task by task, by a worker that does each step wrong with a probability
of 5 %. Without a check all 20 come out right in 0.95^20 = 36 % of runs. With a check and rounds they do
unless a step is wrong in every round of every attempt.

Real here: reading the spec, choosing the task, ticking it (`bridle.spec`), the rounds and their ends
(`bridle.harness.work`), the files that the worker writes, and the check, a shell command in a process of its
own. Played: the worker, by a seeded random number in the place of a session; attempts and blocking, counted
here by the rule of `bridle.harness.land`; the ledger, which remembers nothing between steps. Git, sandbox,
gateway and Airflow take no part; what they do to a step is shown by the tests.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bridle.errors import SessionFailed
from bridle.harness import work as rounds
from bridle.harness.check import Verdict
from bridle.harness.session import Report
from bridle.ledger.records import StepKey, StepState, Totals, Usage
from bridle.spec.choose import next_tasks
from bridle.spec.spec import Spec

STEPS, WRONG, MAX_ROUNDS, ATTEMPTS = 20, 0.05, 3, 2
AIM = 0.99
PLAN = "# Plan\n\n" + "".join(f"- [ ] T{number:03} Write step{number:02}\n" for number in range(1, STEPS + 1))


@dataclass
class Run:
    """One spec, from its first task to its last."""

    folder: Path
    chance: random.Random
    overlooked: float
    """How likely the check passes a wrong step."""
    blocked: set[str] = field(default_factory=set)
    sessions: int = 0
    task: str = ""

    def work(self) -> None:
        """The worker: writes what the task asks for, or something else."""
        self.sessions += 1
        wrong = self.chance.random() < WRONG
        (self.folder / self.task).write_text("wrong\n" if wrong else "right\n")
        (self.folder / "seen").write_text("no\n" if self.chance.random() < self.overlooked else "yes\n")

    def check(self) -> Verdict:
        """The check, run as a process: exit code 0 means right, as far as it can see."""
        command = f"grep -qx no seen || grep -qx right {self.task}"
        done = subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, check=False)
        return Verdict("check", done.returncode == 0, 0.0, "")

    @property
    def right(self) -> bool:
        """Whether every step came out right, by somebody who looks at all of it."""
        files = [self.folder / f"T{number:03}" for number in range(1, STEPS + 1)]
        return all(file.exists() and file.read_text() == "right\n" for file in files)


def play(run: Run, *, checked: bool) -> Run:
    """Work through the spec with the routine's own rules."""
    spec = Spec.read("PLAN.md", PLAN.encode())
    failed: dict[str, int] = {}
    with played(run):
        while tasks := next_tasks(spec, without=run.blocked):
            (task,) = tasks
            run.task = task.key
            try:
                rounds.work(step(), wanted(checked))  # type: ignore[arg-type]
            except SessionFailed:
                failed[task.key] = failed.get(task.key, 0) + 1
                if failed[task.key] >= ATTEMPTS:
                    run.blocked.add(task.key)
            else:
                spec = Spec.read("PLAN.md", spec.tick(task))
    return run


def wanted(checked: bool) -> rounds.Work:
    """What the routine asks of each step."""
    repository: Any = SimpleNamespace(name="played")
    return rounds.Work(
        assignment=lambda number, feedback: None,  # type: ignore[arg-type,return-value]
        repository=repository,
        base="0" * 40,
        check="check" if checked else None,
        max_rounds=MAX_ROUNDS,
    )


def step() -> Any:
    """A step whose ledger is empty."""
    ledger = SimpleNamespace(
        step_state=lambda key, generation: StepState((), (), None),
        session_totals=lambda scope: Totals(0, Usage(), None, 0),
    )
    attempt = SimpleNamespace(step=StepKey("benchmark", "run", "step"), generation=0)
    return SimpleNamespace(ledger=ledger, attempt=attempt, verify=lambda: None)


@contextmanager
def played(run: Run) -> Iterator[None]:
    """Let the worker stand where `harness.work` starts a session, and its check where it runs one."""

    class Bench:
        def __init__(self, step: Any, repository: Any) -> None:
            self.step, self.repository = step, repository

        def resolve(self, ref: str) -> str:
            return ref

    def session(*_: Any, **__: Any) -> Report:
        run.work()
        return Report("session", f"{run.sessions:040}", "", None)

    stand_ins: dict[str, Any] = {
        "Bench": Bench,
        "run_session": session,
        "run_check": lambda *_, **__: run.check(),
        "require_command": lambda *_: None,
    }
    before = {name: getattr(rounds, name) for name in stand_ins}
    for name, value in stand_ins.items():
        setattr(rounds, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(rounds, name, value)


def simulate(runs: int, *, checked: bool, overlooked: float = 0.0) -> tuple[float, float, float]:
    """Share of runs that came out right, sessions a run, seconds in all."""
    began = time.monotonic()
    done = []
    for seed in range(runs):
        with tempfile.TemporaryDirectory(prefix="bridle-steps-") as folder:
            run = play(Run(Path(folder), random.Random(seed), overlooked), checked=checked)
            done.append((run.right, run.sessions))
    share = sum(right for right, _ in done) / runs
    return share, statistics.mean(sessions for _, sessions in done), time.monotonic() - began


def main() -> int:
    """Print the table; 1 when check and rounds come to less than the aim."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(
        f"{runs} runs of {STEPS} steps, each wrong with {WRONG:.0%}; {ATTEMPTS} attempts of at most "
        f"{MAX_ROUNDS} rounds"
    )
    print(f"expected without a check: 0.95^{STEPS} = {(1 - WRONG) ** STEPS:.1%}\n")
    print(f"{'':<42}{'all right':>10}{'sessions a run':>16}{'more':>8}{'seconds':>9}")
    with_check = "check and rounds"
    ways: list[tuple[str, dict[str, Any]]] = [
        ("without a check", {"checked": False}),
        (with_check, {"checked": True}),
        ("the check overlooks 1 of 10 wrong steps", {"checked": True, "overlooked": 0.1}),
    ]
    shares: dict[str, float] = {}
    for name, options in ways:
        share, sessions, seconds = simulate(runs, **options)
        shares[name] = share
        print(f"{name:<42}{share:>10.1%}{sessions:>16.2f}{sessions / STEPS - 1:>8.1%}{seconds:>9.1f}")
    print(f"{with_check}: {shares[with_check]:.1%} (aim: at least {AIM:.0%})")
    return int(shares[with_check] < AIM)


if __name__ == "__main__":
    sys.exit(main())
