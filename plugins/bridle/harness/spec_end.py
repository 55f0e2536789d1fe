"""The end of a run of the spec routine: its commits are published, and what became of its tasks is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.errors import PolicyViolation
from bridle.harness.bench import Bench
from bridle.harness.pick import hold, release, seen
from bridle.harness.publish import Publication, publish
from bridle.harness.result import StepResult
from bridle.harness.routine import Picked, Routine, spec_at
from bridle.harness.spec_failure import count_failure, is_of_this_run
from bridle.harness.step import Step
from bridle.ledger.tasks import DONE, LANDED, OPEN, WORKING


def publish_spec(
    step: Step,
    routine: Routine,
    *,
    commit: str,
    base: str,
    onto: str | None,
    template: str,
    needs_approval: bool,
) -> StepResult:
    """Push what landed, and bring the spec's one pull request up to date; see `publish`.

    Raises:
        FenceLost: another run works on the spec.
        PolicyViolation: counted as a failed attempt at the tasks that landed.
    """
    hold(step, routine)
    rows = step.ledger.spec_tasks(routine.name)
    spec = spec_at(Bench(step, routine.repository), routine, commit)
    tasks = [
        {"key": task.key, "title": task.title, "done": spec.is_done(task.key), "state": row.state}
        for task in spec.tasks
        for row in rows
        if row.key == task.key
    ]
    wanted = Publication(
        commit=commit,
        base=base,
        branch=routine.branch,
        target=routine.target or routine.repository.base,
        draft=True,
        needs_approval=needs_approval,
        template=template,
        inputs={"spec": routine.path, "tasks": tasks, "done": sum(bool(task["done"]) for task in tasks)},
        onto=onto,
        shared=True,
        allow=(routine.path,),
    )
    try:
        return publish(step, routine.repository, wanted)
    except PolicyViolation as refused:
        for row in rows:
            if row.state == LANDED:
                count_failure(step, routine, row.key, str(refused))
        raise


@dataclass(frozen=True)
class Ended:
    """How a run of the routine ended, for its last step."""

    picked: Picked
    landed: Mapping[str, Any] | None
    """What the landing step pushed as `result`."""
    published: str | None
    """The commit that was published."""
    rejected: bool = False
    """Whether a person did not want it."""


def finish(step: Step, routine: Routine, ended: Ended) -> StepResult:
    """Write down what became of the tasks, and let go of the spec.

    Returns:
        The result has `tasks` (done), `not_tried`, and `again`: whether another run may go on at once.
    """
    run = step.attempt.step
    landed = tuple((ended.landed or {}).get("tasks", ()))
    done: list[str] = []
    rows = {row.key: row for row in step.ledger.spec_tasks(routine.name)}
    if ended.published and landed:
        now = spec_at(Bench(step, routine.repository), routine, ended.published)
        step.ledger.spec_seen(routine.name, seen(now))
        for key in landed:
            step.ledger.set_task(routine.name, key, DONE, run=run, commit=rows[key].commit)
            done.append(key)
    for key in ended.picked.tasks:
        if key in done or key not in rows:
            continue
        if key in landed and ended.rejected:
            count_failure(step, routine, key, "a person rejected its commit")
        elif rows[key].state in {WORKING, LANDED} and is_of_this_run(step, rows[key]):
            why = "its commit was not published" if key in landed else "the run ended before it was done"
            step.ledger.set_task(routine.name, key, OPEN, run=run, reason=why)
    release(step, routine)
    not_tried = list((ended.landed or {}).get("not_tried", ()))
    unpublished = bool(landed) and not done
    return StepResult(
        commit=ended.published,
        summary=f"done: {', '.join(done)}" if done else "no task was done in this run",
        result={
            "tasks": done,
            "not_tried": not_tried,
            "again": bool(ended.picked.tasks) and not unpublished and not not_tried,
        },
    )
