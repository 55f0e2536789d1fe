"""Choosing the next tasks of a spec, by rule and for one run only."""

import logging
from collections.abc import Callable, Sequence

from pydantic import Field

from bridle.errors import FenceLost
from bridle.guard.sanitize import fence_untrusted, sanitize
from bridle.harness.bench import Bench
from bridle.harness.reference import shrink
from bridle.harness.result import StepResult
from bridle.harness.routine import Newest, Picked, Routine, newest, spec_at
from bridle.harness.step import Step
from bridle.ledger.records import Fence
from bridle.ledger.tasks import BLOCKED, WORKING, SeenTask, TaskRow
from bridle.spec.choose import next_tasks, ready
from bridle.spec.spec import Spec
from bridle.spec.task import Task

log = logging.getLogger(__name__)

LEASE_SECONDS = 30 * 86400.0
"""How long a run may hold a spec; a run that has ended loses it at once."""
MAX_BODY = 20_000
"""Bytes of a task's text that agents are shown."""

RunEnded = Callable[[str, str], bool]
"""DAG id and run id to whether that run has ended, or is not there."""


def pick_tasks(step: Step, routine: Routine, *, at_most: int, run_ended: RunEnded) -> StepResult:
    """Read the spec, show its tasks, and take the next ones for this run; nothing of it needs a model.

    Args:
        step: the picking step.
        routine: the spec.
        at_most: how many tasks may be worked on beside each other.
        run_ended: asks Airflow about the run that holds the spec.

    Raises:
        SpecError, RepositoryError: see `newest`.
    """
    other = _take(step, routine, run_ended)
    if other is not None:
        return _nothing(step, routine, f"{routine.name} is being worked on by {other.holder}")
    now = newest(Bench(step, routine.repository), routine)
    rows = step.ledger.spec_seen(routine.name, seen(now.spec))
    for line in table(list(rows.values())):
        log.info("%s", line)
    for task in now.spec.tasks:
        if unknown := [key for key in task.depends if key not in now.spec.by_key]:
            log.warning("task %s depends on %s, which is no task here", task.key, ", ".join(unknown))
    blocked = {key for key, row in rows.items() if row.state == BLOCKED}
    tasks = next_tasks(now.spec, at_most=at_most, without=blocked)
    if not tasks or (routine.hold and blocked):
        release(step, routine)
        return _nothing(step, routine, _why_nothing(now.spec, rows, blocked, routine), commit=now.head)
    step.ledger.decide(
        step.attempt,
        what="next task",
        options=[task.key for task in ready(now.spec, without=blocked)][:20],
        choice=", ".join(task.key for task in tasks),
        why="the first open one whose dependencies are done"
        + (", with its parallel neighbours" if len(tasks) > 1 else ""),
        confidence=None,
        by="rule",
    )
    for task in tasks:
        step.ledger.set_task(
            routine.name, task.key, WORKING, run=step.attempt.step, reason=rows[task.key].reason
        )
    return _picked(now, [task.key for task in tasks])


class GivenTask(StepResult):
    """A task, as the steps that work on it see it."""

    acceptance: list[str] = Field(default_factory=list)
    """Commands that are its check, when it has some that are allowed."""


def give_task(step: Step, routine: Routine, picked: Picked, lane: int) -> GivenTask | None:
    """The task of one lane, as data for prompts; None when this lane has none.

    Args:
        step: the giving step.
        routine: the spec.
        picked: what was picked.
        lane: from 1.
    """
    if lane > len(picked.tasks):
        return None
    key = picked.tasks[lane - 1]
    spec = spec_at(Bench(step, routine.repository), routine, picked.commit)
    task = spec.by_key[key]
    commands = spec.commands(task)
    allowed = routine.repository.accepting(commands) is not None
    if commands and not allowed:
        log.warning(
            "task %s names commands that `acceptance` of %s in repositories.yaml does not have; the "
            "repository's check decides: %s",
            key,
            routine.repository.name,
            "; ".join(commands),
        )
    rows = {row.key: row for row in step.ledger.spec_tasks(routine.name)}
    failed = rows[key].reason if key in rows else ""
    text = sanitize(_told(spec, task), max_bytes=MAX_BODY)
    brief = {
        "task": key,
        "spec": routine.path,
        "title": sanitize(task.title, max_bytes=200),
        "text": fence_untrusted(f"task {key}", text),
        "last_part": bool(spec.completes(task)),
        "failed_before": fence_untrusted("output", sanitize(failed, max_bytes=4000)) if failed else "",
    }
    return GivenTask(
        commit=picked.commit,
        base=picked.commit,
        summary=f"{key} {brief['title']}"[:500],
        result=shrink(brief, step.ledger, name="task"),
        acceptance=list(commands) if allowed else [],
    )


def _told(spec: Spec, task: Task) -> str:
    """What a task says, and what it stands in: nobody works on a task that has others below it."""
    parts = [f"{task.title}\n\n{task.details}".strip()]
    if above := spec.above(task):
        parts.append("It is a part of:")
        parts += [f"{other.title}\n\n{other.details}".strip() for other in above]
    if task.section:
        parts.append(f"It stands below: {task.section}")
    return "\n\n".join(parts)


def seen(spec: Spec) -> list[SeenTask]:
    """The tasks of a spec, for the ledger; those that stand for others are done when these are."""
    return [SeenTask(task.key, task.title, task.wording, spec.is_done(task.key)) for task in spec.tasks]


def table(rows: Sequence[TaskRow]) -> list[str]:
    """Tasks and their states, for people: one line each."""
    width = max((len(row.key) for row in rows), default=0)
    return [
        f"{row.state:<8} {row.key:<{width}}  {row.title}"
        + (f"  [{row.attempts} failed: {' '.join(row.reason.split())[:120]}]" if row.attempts else "")
        for row in rows
    ]


def hold(step: Step, routine: Routine) -> None:
    """Keep the spec for this run; one that had let go of it takes it again.

    Raises:
        FenceLost: another run works on it.
    """
    if step.ledger.claim(routine.lease, _holder(step), LEASE_SECONDS) is None:
        other = step.ledger.holder(routine.lease)
        raise FenceLost(
            f"run {other.holder if other else 'of somebody else'} works on {routine.name}; when it has "
            "ended, clear the task that landed the work"
        )


def release(step: Step, routine: Routine) -> None:
    """Let other runs work on the spec."""
    fence = step.ledger.holder(routine.lease)
    if fence is not None and fence.holder == _holder(step):
        step.ledger.release(fence)


def _take(step: Step, routine: Routine, run_ended: RunEnded) -> Fence | None:
    """Claim the spec for this run; returns who has it instead."""
    me = _holder(step)
    if step.ledger.claim(routine.lease, me, LEASE_SECONDS) is not None:
        return None
    other = step.ledger.holder(routine.lease)
    if other is not None:
        dag_id, _, run_id = other.holder.partition("/")
        if not run_ended(dag_id, run_id):
            return other
        log.warning("run %s has ended and still held %s", other.holder, routine.name)
        step.ledger.release(other)
    return None if step.ledger.claim(routine.lease, me, LEASE_SECONDS) else step.ledger.holder(routine.lease)


def _holder(step: Step) -> str:
    return f"{step.attempt.step.dag_id}/{step.attempt.step.run_id}"


def _why_nothing(spec: Spec, rows: dict[str, TaskRow], blocked: set[str], routine: Routine) -> str:
    left = [task.key for task in spec.tasks if not spec.is_done(task.key) and not task.optional]
    if not spec.tasks:
        return f"{routine.name} has no tasks"
    if not left:
        return f"all {len(spec.tasks)} tasks of {routine.name} are done"
    told = "; ".join(
        f"{key} is blocked: {' '.join(rows[key].reason.split())[:150]}" for key in sorted(blocked)
    )
    held = "a blocked task holds the rest. " if blocked and routine.hold else ""
    return (
        f"nothing to do in {routine.name}: {len(left)} tasks are open, none can be worked on. {held}{told}"
        + (f". `bridle spec {routine.name} --retry KEY` lets one be tried again" if blocked else "")
    )


def _nothing(step: Step, routine: Routine, why: str, *, commit: str = "") -> StepResult:
    log.info("%s", why)
    return StepResult(commit=commit or None, summary=why[:500], result={"tasks": [], "commit": commit})


def _picked(now: Newest, keys: list[str]) -> StepResult:
    return StepResult(
        commit=now.head,
        base=now.head,
        summary=f"working on {', '.join(keys)}"[:500],
        result={"tasks": keys, "commit": now.head},
    )
