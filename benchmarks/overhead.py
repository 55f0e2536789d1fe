"""What a step of Bridle's costs beside the same agent without it: `python benchmarks/overhead.py [rounds]`.

The same small work (three model calls, two tool calls, one commit) is done by the same agent through the
same SDK in a plain task (`plain`), in a step of Bridle's (`bridle`), and by the bare CLI. The model is a
scripted one that answers at once, so what remains is overhead. Each way runs in a fresh process into which
has been imported what a task inherits from Airflow's worker; there is no scheduler, because Airflow's own
share is the same for all. The ways of one round follow each other, and differences are taken within a round.

    seconds   from Airflow being imported to the work being committed, the way's own imports included
    CPU s     of the process and all of its children; what a busy machine does not change much
    MiB       the most that the process and all of its children had at one moment beyond the process itself
              with Airflow imported: proportional set size, sampled ten times a second. Of Bridle's: harness
              and gateway in the task's process, supervisor, runner
    calls, kB what reached the model

`--gateway` adds the gateway's share of one call (benchmarks/gateway.py), `--demo` the time of `make demo`
in a bare clone without any environment.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bridle.ledger import migrate
from bridle.local.postgres import Postgres
from bridle.testing.git_repository import GitRepository
from bridle.testing.model_server import ModelServer

CHECKOUT = Path(__file__).parents[1]
STEP = Path(__file__).with_name("overhead_step.py")
AGENTS = {
    "claude-code": ("plain claude-code", "bridle claude-code", "bare CLI"),
    "api": ("plain api", "bridle api"),
}
AIM_SECONDS = 0.5
AIM_MIB = 60
SCRIPT = [
    {"text": "I look.", "ops": [{"op": "shell", "command": "cat settings.txt"}]},
    {"ops": [{"op": "shell", "command": "echo value=2 > settings.txt"}]},
    {"text": "The value is 2 now."},
]


@dataclass(frozen=True)
class Cost:
    """What one step came to."""

    seconds: float
    cpu: float
    mib: float
    calls: int
    kilobytes: float


class Memory(threading.Thread):
    """Samples a process and everything below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self.samples: list[tuple[float, float]] = []
        """Moment and MiB."""

    def run(self) -> None:
        while not self._over.wait(0.1):
            total = 0
            with suppress(psutil.Error):
                for process in (self._process, *self._process.children(recursive=True)):
                    with suppress(psutil.Error):
                        total += process.memory_full_info().pss
                self.samples.append((time.time(), total / 2**20))

    def above(self, ready: float) -> float:
        """The most after `ready`, above what it was then."""
        self._over.set()
        self.join()
        before = [size for moment, size in self.samples if moment <= ready + 0.05]
        after = [size for moment, size in self.samples if moment > ready]
        return max(after, default=0.0) - (before[-1] if before else 0.0)


def step(way: str, model: ModelServer, given: dict[str, Any], env: dict[str, str]) -> Cost:
    """Do the step once in a fresh process."""
    asked = len(model.requests())
    with tempfile.TemporaryDirectory(prefix="bridle-overhead-") as folder:
        argv = [sys.executable, str(STEP), way, json.dumps(given | {"folder": folder})]
        with subprocess.Popen(
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            memory = Memory(process.pid)
            memory.start()
            output, errors = process.communicate()
        if process.returncode:
            raise SystemExit(f"{way} failed:\n{errors}")
        took = json.loads(output.splitlines()[-1])
    requests = [line for line in model.requests()[asked:] if line["status"] == 200]
    size = sum(line["request_bytes"] for line in requests) / 1000
    return Cost(took["seconds"], took["cpu"], memory.above(took["ready"]), len(requests), size)


def measure(rounds: int) -> dict[str, list[Cost]]:
    """Every way, once a round, after one round that nobody counts."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridle-overhead-")))
        folder.chmod(0o711)
        script = folder / "script.yaml"
        script.write_text(yaml.safe_dump({"step": [SCRIPT]}))
        model = stack.enter_context(ModelServer(script))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        postgres.create_database("bridle")
        migrate.upgrade(postgres.url("bridle"))
        repository = GitRepository(folder / "repository", {"settings.txt": "value=1\n"})
        given = {
            "model": model.url,
            "repository": repository.path.as_uri(),
            "home": str(folder / "home"),
        }
        env = {
            **os.environ,
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW_CONN_BRIDLE_LEDGER": postgres.url("bridle").replace("postgresql+psycopg", "postgres"),
            "AIRFLOW_CONN_BRIDLE_ANTHROPIC": json.dumps(
                {"conn_type": "bridle_model", "host": model.url, "password": "key"}
            ),
        }
        ways = [way for each in AGENTS.values() for way in each]
        costs: dict[str, list[Cost]] = {way: [] for way in ways}
        for number in range(rounds + 1):
            for way in ways:
                cost = step(way, model, given, env)
                if number:
                    costs[way].append(cost)
        return costs


def middle(costs: list[Cost], name: str) -> float:
    """The median of one figure."""
    return statistics.median(getattr(cost, name) for cost in costs)


def report(costs: dict[str, list[Cost]]) -> bool:
    """Print the table; whether every aim was met."""
    print(f"{'':20}{'seconds':>9}{'CPU s':>8}{'MiB':>7}{'calls':>7}{'kB':>8}")
    fine = True
    for agent, (plain, ours, *bare) in AGENTS.items():
        for way in (plain, ours, *bare):
            figures = [middle(costs[way], name) for name in ("seconds", "cpu", "mib", "calls", "kilobytes")]
            print("{:20}{:9.2f}{:8.2f}{:7.0f}{:7.0f}{:8.1f}".format(way, *figures))
        for other in (plain, *bare):
            ratios = [
                middle(costs[ours], name) / middle(costs[other], name)
                for name in ("seconds", "cpu", "mib", "calls", "kilobytes")
            ]
            print("{:20}{:8.2f}x{:7.2f}x{:6.2f}x{:6.2f}x{:7.2f}x".format(f"  to {other}", *ratios))
        fine &= verdicts(agent, costs[plain], costs[ours])
    return fine


def verdicts(agent: str, plain: list[Cost], ours: list[Cost]) -> bool:
    """Print what Bridle adds to one agent, and whether that is what it may."""

    def extra(name: str) -> float:
        return statistics.median(
            getattr(mine, name) - getattr(theirs, name) for theirs, mine in zip(plain, ours, strict=True)
        )

    found = [
        ("seconds", extra("seconds"), AIM_SECONDS),
        ("CPU s", extra("cpu"), None),
        ("MiB", extra("mib"), AIM_MIB),
        ("calls", extra("calls"), 0),
        ("kB to the model", extra("kilobytes"), 0),
    ]
    for what, value, aim in found:
        verdict = "" if aim is None else f"aim <= {aim:g}: {'met' if value <= aim else 'MISSED'}"
        print(f"  {agent} with Bridle: {value:+8.2f} {what:16}{verdict}")
    return all(aim is None or value <= aim for _, value, aim in found)


def demo() -> None:
    """Print how long `make demo` takes in a bare clone."""
    with tempfile.TemporaryDirectory(prefix="bridle-demo-") as folder:
        Path(folder).chmod(0o711)
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), f"{folder}/bridle"], check=True)
        subprocess.run(["make", "demo", "APPROVE=1"], cwd=f"{folder}/bridle", check=True, capture_output=True)
        print(f"make demo from an empty environment: {time.perf_counter() - began:.0f} s")


def main() -> int:
    """Measure and print; 1 when an aim was missed."""
    options = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    options.add_argument("rounds", type=int, nargs="?", default=5)
    options.add_argument("--gateway", action="store_true", help="measure the gateway's share of a call, too")
    options.add_argument("--demo", action="store_true", help="measure `make demo` in a bare clone, too")
    given = options.parse_args()
    fine = report(measure(given.rounds))
    if given.gateway:
        gateway = Path(__file__).with_name("gateway.py")
        fine &= subprocess.run([sys.executable, str(gateway)], check=False).returncode == 0
    if given.demo:
        demo()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
