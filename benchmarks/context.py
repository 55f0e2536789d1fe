"""What a step inherits from the steps before it: `python benchmarks/context.py [steps]`.

The same work twice. As a goal loop: in round N an orchestrator gives one task, and a worker does it. As one
session that is given all tasks at once and does one after the other. Counted are the bytes of the request
with which step N begins: for the loop those of the orchestrator's and of the worker's first one together, by
the gateway, in the ledger.
"""

import sys
import tempfile
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration" / "harness"))

from loop_bed import LOOP, LoopBed, orders, task, writing

from bridle.agents.base import Limits
from bridle.config.prompts import Prompt
from bridle.harness.session import Assignment
from bridle.harness.work import Work, work
from bridle.ledger import migrate
from bridle.ledger.queries import Queries
from bridle.ledger.store import Ledger
from bridle.local.postgres import Postgres
from bridle.testing.git_repository import GitRepository

AIM_GROWTH = 0.20
FILES = {f"src/old{number}.js": f"export function old{number}() {{}}\n" for number in range(60)}
SOURCE = "export function part{number}(board) {{\n{body}  return board;\n}}\n"


def files(number: int) -> dict[str, str]:
    """What step `number` writes: a file of about a kilobyte."""
    body = "".join(f"  const value{line} = board.columns[{line}] ?? [];\n" for line in range(20))
    return {f"src/part{number}.js": SOURCE.format(number=number, body=body)}


def script(steps: int) -> dict[str, list[list[dict[str, object]]]]:
    """Both ways to do it."""
    played = {"single": [[turn for number in range(1, steps + 1) for turn in _turns(number)]]}
    played["single"][0].append({"text": "All done."})
    for number in range(1, steps + 1):
        played[f"r{number}.orchestrate"] = [orders(task(f"part {number}", f"src/part{number}.js"))]
        played[f"r{number}.work.0"] = [writing(files(number))]
    return {**played, f"r{steps + 1}.single": played["single"]}


def _turns(number: int) -> list[dict[str, object]]:
    (path,) = files(number)
    read = {"text": f"Part {number}.", "ops": [{"op": "read", "path": "src/old1.js"}]}
    return [read, {"ops": [{"op": "write", "path": path, "content": files(number)[path]}]}]


def rounds(bed: LoopBed, queries: Queries, steps: int) -> list[int]:
    """Bytes with which each round begins."""
    bed.play()
    found = []
    for number in range(1, steps + 1):
        sessions = queries.sessions("goal_loop", f"{LOOP}-r{number}")
        found.append(sum(queries.calls(session.id)[0].request_bytes for session in sessions))
    return found


def single(bed: LoopBed, queries: Queries, steps: int) -> list[int]:
    """Bytes of the request with which one session begins each of its tasks."""
    step = bed.step("single", steps + 1)
    told = "\n".join(f"Do part {number}: write src/part{number}.js." for number in range(1, steps + 1))
    limits = Limits(turns=3 * steps, minutes=10)
    asked = Assignment("implementer", step.role("implementer"), limits, "write", Prompt(told, ""))
    wanted = Work(assignment=lambda _round, _feedback: asked, repository=bed.repository, base="main")
    calls = queries.calls(UUID(str(work(step, wanted).session_id)))
    return [call.request_bytes for call in calls[: 2 * steps : 2]]


def measure(steps: int) -> tuple[list[int], list[int]]:
    """Bytes by step, as a loop and as one session."""
    with tempfile.TemporaryDirectory(prefix="bridle-context-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        with Postgres(folder / "postgres", fast=True) as postgres:
            url = postgres.url()
            migrate.upgrade(url)
            user = GitRepository(folder / "user" / "repository", FILES)
            (user.path.parent / "issues").mkdir()
            check = {"tests": 'echo "not ok 1 - $(ls src | wc -l) parts"; false'}
            with Ledger(url, spool=folder / "spool") as ledger, Queries(url) as queries:
                terms = {"max_rounds": steps, "patience": 999}
                bed = LoopBed(folder, ledger, user, script(steps), check, terms)
                return rounds(bed, queries, steps), single(bed, queries, steps)


def main() -> int:
    """Print both by step; 1 when the loop's grow by more than the aim."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    fresh, one = measure(steps)
    print("step   as rounds   as one session   (bytes of the request with which it begins)")
    for number, (mine, grown) in enumerate(zip(fresh, one, strict=True), start=1):
        print(f"{number:>4}   {mine:>9,}   {grown:>14,}")
    growth = max(fresh) / min(fresh) - 1
    print(f"as rounds: {growth:.0%} between the smallest and the largest (aim: at most {AIM_GROWTH:.0%})")
    print(f"as one session: {one[-1] / one[0]:.1f} times as much at step {steps} as at step 1")
    return int(growth > AIM_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
