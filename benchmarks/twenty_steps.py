"""Twenty steps by a worker that is wrong in one of twenty: `python benchmarks/twenty_steps.py [runs]`.

A spec of 20 tasks is worked through, task by task, by a worker that does each step wrong with a probability
of 5 %. Without a check all 20 come out right in 0.95^20 = 36 % of runs. With a check and rounds they do
unless a step is wrong in every round of every attempt.

**Simulated** by default, since hundreds of runs are needed to see a percentage. Real in it: reading the spec,
choosing the task, ticking it (`bridle.spec`), the rule of the rounds (`bridle.harness.work.until_passed`),
and the check, a shell command on the worker's file. Simulated: the worker, by a seeded random number in the
place of a session; attempts and blocking, counted here as `bridle.harness.land` does. Ledger, git, sandbox,
gateway and Airflow take no part.

`--real [N]` does N whole runs (1) with a real ledger, git, checks and agents instead, and prints the same
table: `twenty_steps_real.py` says how. It takes minutes a run, and one run shows no percentage: it shows that
the real parts do what the simulation says.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from twenty_steps_real import real_run

from bridle.errors import SessionFailed
from bridle.harness.check import Verdict
from bridle.harness.place import Place
from bridle.harness.session import Report
from bridle.harness.work import Work, until_passed
from bridle.spec.choose import next_tasks
from bridle.spec.spec import Spec

STEPS, WRONG, MAX_ROUNDS, ATTEMPTS = 20, 0.05, 3, 2
AIM = 0.99
PLAN = "# Plan\n\n" + "".join(f"- [ ] T{number:03} Write step{number:02}\n" for number in range(1, STEPS + 1))
SIMULATED = "only spec, rule of the rounds and check are real: no agent, ledger, git or Airflow"
REAL = "only the model's words are played, and Airflow is not started"
WITH_CHECK = "check and rounds"
WAYS = {
    "without a check": (False, 0.0),
    WITH_CHECK: (True, 0.0),
    "the check overlooks 1 of 10 wrong steps": (True, 0.1),
}
"""Whether there is a check, and how likely it passes a wrong step."""


def answers(seed: int, overlooked: float) -> Iterator[str]:
    """What the worker writes, session by session; a check sees what is `wrong`, and not what is `amiss`."""
    chance = random.Random(seed)
    for number in count(1):
        if chance.random() >= WRONG:
            yield "right"
        else:
            yield f"{'amiss' if chance.random() < overlooked else 'wrong'} {number}"


def simulated_run(said: Iterator[str], folder: Path, *, checked: bool) -> tuple[bool, int]:
    """Whether every step came out right, by somebody who looks at all of it; and its sessions."""
    wanted = Work(assignment=_nobody, max_rounds=MAX_ROUNDS)
    spec = Spec.read("PLAN.md", PLAN.encode())
    failed: dict[str, int] = {}
    sessions = 0

    def one(place: Place) -> tuple[Report, Verdict | None]:
        nonlocal sessions
        sessions += 1
        (folder / task.key).write_text(f"{next(said)}\n")
        report = Report("simulated", f"{sessions:040}", "", None)
        return report, _check(folder / task.key) if checked else None

    while tasks := next_tasks(spec, without={key for key, times in failed.items() if times >= ATTEMPTS}):
        (task,) = tasks
        try:
            until_passed(wanted, "", Place(round=1, base=""), one)
        except SessionFailed:
            failed[task.key] = failed.get(task.key, 0) + 1
        else:
            spec = Spec.read("PLAN.md", spec.tick(task))
    made = [file.read_text() for file in folder.iterdir()]
    return len(made) == STEPS and set(made) == {"right\n"}, sessions


def _nobody(number: int, feedback: str) -> None:
    raise AssertionError("a simulated round asks no agent")


def _check(file: Path) -> Verdict:
    """The check, run as a process: exit code 0 means right, as far as it can see."""
    done = subprocess.run(["/bin/sh", "-c", f"! grep -q ^wrong {file.name}"], cwd=file.parent, check=False)
    return Verdict("check", done.returncode == 0, 0.0, "")


def run(seed: int, *, checked: bool, overlooked: float, real: bool) -> tuple[bool, int]:
    """One spec, from its first task to its last: whether all of it is right, and its sessions."""
    said = answers(seed, overlooked)
    if real:
        return real_run(said, plan=PLAN, steps=STEPS, rounds=MAX_ROUNDS, checked=checked)
    with tempfile.TemporaryDirectory(prefix="bridle-steps-") as folder:
        return simulated_run(said, Path(folder), checked=checked)


def main() -> int:
    """Print the table; 1 when check and rounds come to less than the aim."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("runs", nargs="?", type=int, default=200, help="how many simulated runs")
    options.add_argument("--real", nargs="?", type=int, const=1, metavar="N", help="N real runs instead")
    given = options.parse_args()
    runs, real = given.real or given.runs, given.real is not None
    print(f"{runs} {'REAL' if real else 'SIMULATED'} runs of {STEPS} steps, each wrong with {WRONG:.0%};")
    print(f"{ATTEMPTS} attempts of at most {MAX_ROUNDS} rounds; {REAL if real else SIMULATED}")
    print(f"expected without a check: 0.95^{STEPS} = {(1 - WRONG) ** STEPS:.1%}\n")
    print(f"{'':<42}{'all right':>10}{'sessions a run':>16}{'more':>8}{'seconds':>9}")
    shares: dict[str, float] = {}
    for name, (checked, overlooked) in WAYS.items():
        began = time.monotonic()
        done = [run(seed, checked=checked, overlooked=overlooked, real=real) for seed in range(runs)]
        shares[name] = sum(right for right, _ in done) / runs
        sessions = statistics.mean(sessions for _, sessions in done)
        seconds = time.monotonic() - began
        print(
            f"{name:<42}{shares[name]:>10.1%}{sessions:>16.2f}{sessions / STEPS - 1:>8.1%}{seconds:>9.1f}",
            flush=True,
        )
    print(f"{WITH_CHECK}: {shares[WITH_CHECK]:.1%} (aim: at least {AIM:.0%})")
    return int(shares[WITH_CHECK] < AIM)


if __name__ == "__main__":
    sys.exit(main())
