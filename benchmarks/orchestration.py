"""What planning costs in tokens, round by round: `python benchmarks/orchestration.py [rounds]`.

A goal loop over a repository of 60 files: each round, an orchestrator gives three tasks to three workers.
Counted is everything that the orchestrator sends and receives, by the gateway, in the ledger; the scripted
model reports a token for every four bytes. Airflow is not started, and the workers' commits are made without
agents: neither says anything to the orchestrator's model.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration" / "harness"))

from loop_bed import LOOP, LoopBed, orders

from bridle.harness.bench import Bench
from bridle.harness.orchestrate import Kwargs
from bridle.harness.reference import expand
from bridle.ledger import migrate
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from bridle.testing.git_repository import GitRepository
from bridle.testing.ledger import session_start

AIM_TOKENS = 3_000
AIM_GROWTH = 0.20
PROMPT = (
    "Create src/{name}.js with a function {name}(board) that returns a new board and changes none. It must "
    "take an empty board, a board without cards, and cards without a title. Follow the style of the files "
    "beside it. Add a test to test/{name}.test.js that shows each of these."
)


def script(rounds: int) -> dict[str, list[list[dict[str, object]]]]:
    """Three tasks a round, of the length that such tasks have."""
    played = {}
    for number in range(1, rounds + 1):
        names = [f"feature{number}{letter}" for letter in "abc"]
        tasks = [
            {
                "title": f"Feature {name}",
                "prompt": PROMPT.format(name=name),
                "files": [f"src/{name}.js", f"test/{name}.test.js"],
                "acceptance": f"node --test test/{name}.test.js passes.",
                "why": "The board needs it.",
            }
            for name in names
        ]
        why = "These three touch different files; what joins them waits for the next round."
        played[f"r{number}.orchestrate"] = [orders(*tasks, why=why)]
    return played


class WorkersWithoutAgents(LoopBed):
    """Each task's files are written and committed, and a session says so in the ledger."""

    def work(self, number: int, workers: list[Kwargs]) -> None:
        """The round's workers."""
        for index, kwargs in enumerate(workers):
            step = self.step("work", number, index)
            task = expand(kwargs["inputs"]["task"], step.ledger)
            bench = Bench(step, self.repository)
            started = session_start(step.attempt, step.fence, base_commit=kwargs["base"])
            session = step.ledger.open_session(started)
            with bench.workspace.open(bench.required, kwargs["base"], str(session)) as clone:
                for name in task["files"]:
                    place = clone.path / name
                    place.parent.mkdir(exist_ok=True)
                    place.write_text(f"export function {Path(name).name.partition('.')[0]}() {{}}\n")
                commit = clone.commit(task["title"])
            step.ledger.close_session(session, outcome="done", commit=commit)


def measure(rounds: int) -> list[int]:
    """Tokens of each round's orchestration."""
    with tempfile.TemporaryDirectory(prefix="bridle-orchestration-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        with Postgres(folder / "postgres", fast=True) as postgres:
            url = postgres.url()
            migrate.upgrade(url)
            files = {
                f"src/part{number % 6}/file{number}.js": f"export function old{number}() {{}}\n"
                for number in range(60)
            }
            user = GitRepository(folder / "user" / "repository", files)
            (user.path.parent / "issues").mkdir()
            names = "$(ls src | wc -l)"
            failing = f'for n in 1 2 3 4 5 6; do echo "not ok $n - part $n works {names}"; done; false'
            with Ledger(url, spool=folder / "spool") as ledger:
                terms = {"max_rounds": rounds, "patience": 99}
                bed = WorkersWithoutAgents(folder, ledger, user, script(rounds), {"tests": failing}, terms)
                bed.play()
                numbers = range(1, rounds + 1)
                scopes = [f"step:goal_loop/{LOOP}-r{number}/orchestrate" for number in numbers]
                return [ledger.session_totals(scope).usage.total for scope in scopes]


def main() -> int:
    """Print tokens by round; 1 when an aim is missed."""
    tokens = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    for number, count in enumerate(tokens, start=1):
        print(f"round {number:>2}: {count:>5} tokens to plan and prompt three workers")
    growth = max(tokens) / min(tokens) - 1
    print(f"largest {max(tokens)} (aim: under {AIM_TOKENS})")
    print(f"{growth:.0%} over the smallest (aim: at most {AIM_GROWTH:.0%})")
    return int(max(tokens) >= AIM_TOKENS or growth > AIM_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
