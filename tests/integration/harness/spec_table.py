"""The spec routine without Airflow and agents: a person's hands do what sessions would."""

from dataclasses import replace
from typing import Any

from harness_bench import Bed

from bridle.harness.bench import Bench
from bridle.harness.land import land
from bridle.harness.lane import Lane
from bridle.harness.pick import pick_tasks
from bridle.harness.routine import Picked, Routine
from bridle.harness.spec_end import Ended, finish, publish_spec
from bridle.harness.step import Step

PLAN = """\
# Plan

- [ ] T001 Write one.txt
- [ ] T002 [P] Write two.txt
- [ ] T003 [P] Write three.txt
- [ ] T004 Write four.txt (depends on T002, T003)
"""
CHECK = "! grep -l wrong *.txt"


class Table:
    """A routine, run step by step, with somebody else's hands in the place of agents."""

    def __init__(self, bed: Bed, *, plan: str = PLAN, check: str = CHECK, **settings: Any) -> None:
        self.bed = bed
        self.user = bed.user
        self.user.commit({"PLAN.md": plan})
        repository = self.user.configured(checks={"tests": check}, **settings)
        self.routine = Routine(repository, "PLAN.md", target="main")
        self.run = 0
        self.picked = Picked((), "")

    def step(self, task: str) -> Step:
        step = self.bed.step(task=task)
        key = replace(step.attempt.step, run_id=f"run-{self.run}")
        attempt = replace(step.attempt, step=key)
        return replace(step, attempt=attempt, fence=step.ledger.take_step(attempt))

    def pick(self, *, at_most: int = 1, ended: bool = True) -> str:
        self.run += 1
        result = pick_tasks(
            self.step("pick_tasks"), self.routine, at_most=at_most, run_ended=lambda dag, run: ended
        )
        self.picked = Picked.of(result.result)
        return result.summary

    def work(self, files: dict[str, str]) -> Lane:
        """What a session made of the picked version."""
        bench = Bench(self.step("work"), self.routine.repository)
        with bench.workspace.open(
            self.routine.repository, self.picked.commit, f"s-{self.bed.tries}"
        ) as clone:
            for name, text in files.items():
                (clone.path / name).write_text(text)
            return Lane("work_1", clone.commit("Work"), self.picked.commit, False)

    def land(self, *lanes: Lane) -> Any:
        self.landed = land(self.step("land"), self.routine, self.picked, lanes, check="")
        return self.landed

    def publish(self) -> str:
        result = publish_spec(
            self.step("publish"),
            self.routine,
            commit=self.landed.commit or "",
            base=self.landed.base or "",
            onto=self.landed.onto,
            template="spec_pull_request.md",
            needs_approval=False,
        )
        return result.commit or ""

    def finish(self, published: str | None, *, rejected: bool = False) -> Any:
        ended = Ended(self.picked, self.landed.result, published, rejected)
        return finish(self.step("finish"), self.routine, ended)

    def do(self, *works: dict[str, str]) -> Any:
        """One whole run."""
        self.pick(at_most=len(works))
        self.land(*[self.work(files) for files in works])
        return self.finish(self.publish() if self.landed.commit else None)

    def show(self, revision: str, path: str = "PLAN.md") -> str:
        return self.user.git("show", f"{revision}:{path}")

    @property
    def branch(self) -> str:
        return self.routine.branch

    def states(self) -> dict[str, str]:
        return {row.key: row.state for row in self.bed.ledger.spec_tasks(self.routine.name)}
