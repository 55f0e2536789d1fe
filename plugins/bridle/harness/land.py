"""Work on tasks of a spec becomes commits on top of its newest version, each with its mark set."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridle.config.repositories import ACCEPTANCE
from bridle.errors import PolicyViolation, SessionFailed, SpecChanged
from bridle.harness.bench import Bench
from bridle.harness.check import run_check
from bridle.harness.pick import hold, release, seen
from bridle.harness.publish import Publication, publish
from bridle.harness.result import StepResult
from bridle.harness.routine import Newest, Picked, Routine, newest, spec_at
from bridle.harness.step import Step
from bridle.ledger.queries import CallRow, Queries
from bridle.ledger.tasks import BLOCKED, DONE, LANDED, OPEN, WORKING, TaskRow
from bridle.spec.spec import Spec
from bridle.spec.task import Task
from bridle.workspace.files import commit_with, read_file
from bridle.workspace.merge import merge

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lane:
    """What came out of the work on one task."""

    group: str
    """The task group that worked on it, to find its sessions by."""
    commit: str | None
    base: str | None
    undecided: bool


class Landed(StepResult):
    """Commits that wait to be published."""

    onto: str | None = None
    """Where the spec's branch was; None: it was not there."""
    undecided: bool = False
    """True when a review still asks for changes: then a human has to decide."""


class _NotTried(Exception):
    """The task was not really tried: a key, a provider, a budget or a person was in the way."""


class _Overlap(Exception):
    """The work touches what another task of this run has changed."""


def land(step: Step, routine: Routine, picked: Picked, lanes: Sequence[Lane], *, check: str) -> Landed:
    """Put the work of each task on top of the newest version, in order; each becomes one commit.

    A task's commit holds its work and its mark, and its check has passed on exactly that commit. What the
    session wrote into the spec file is thrown away. A task that a person changed, ticked or deleted meanwhile
    is left alone; one that overlaps with another goes next; one that failed is tried again, or blocked.

    Args:
        step: the landing step.
        routine: the spec.
        picked: what was worked on.
        lanes: what came out, in the order of `picked.tasks`.
        check: name of the check; empty: the repository's first.
    """
    if not picked.tasks:
        return Landed(summary="no task was picked", result={"tasks": [], "not_tried": []})
    hold(step, routine)
    bench = Bench(step, routine.repository)
    before = spec_at(bench, routine, picked.commit)
    now = newest(bench, routine)
    start, landed, not_tried, told = now.head, [], [], []
    undecided = False
    for key, lane in zip(picked.tasks, lanes, strict=False):
        step.verify()
        task = before.by_key[key]
        try:
            now = _one(bench, routine, now, task, lane, landed=start != now.head, check=check)
        except SpecChanged as changed:
            step.ledger.set_task(routine.name, key, OPEN, run=step.attempt.step, reason=str(changed))
            told.append(f"{key}: {changed}")
        except _Overlap as overlap:
            step.ledger.set_task(routine.name, key, OPEN, run=step.attempt.step)
            told.append(f"{key} goes next: {overlap}")
        except _NotTried as why:
            step.ledger.set_task(routine.name, key, OPEN, run=step.attempt.step, reason=str(why))
            not_tried.append(key)
            told.append(f"{key} was not tried, and stays open: {why}")
        except SessionFailed as failed:
            told.append(f"{key}: {_failed(step, routine, key, str(failed))}")
        else:
            step.ledger.set_task(routine.name, key, LANDED, run=step.attempt.step, commit=now.head)
            landed.append(key)
            undecided = undecided or lane.undecided
    for line in told:
        log.warning("%s", line)
    return Landed(
        commit=now.head if landed else None,
        base=start,
        onto=now.onto,
        undecided=undecided,
        summary="; ".join([f"landed {', '.join(landed)}" if landed else "nothing landed", *told])[:500],
        result={"tasks": landed, "not_tried": not_tried},
    )


def _one(
    bench: Bench, routine: Routine, now: Newest, task: Task, lane: Lane, *, landed: bool, check: str
) -> Newest:
    """The newest version with the work on one task on top."""
    mirror, carrier = bench.mirror, bench.workspace.carrier
    if lane.commit is None or lane.base is None:
        raise _why(bench.step, lane.group)
    if now.spec.is_done(task.key):
        raise SpecChanged(
            f"somebody ticked {task.key} meanwhile; its work is kept as commit {lane.commit[:10]}"
        )
    ticked = now.spec.tick(task)
    work, base = bench.resolve(lane.commit), bench.resolve(lane.base)
    # without what the session wrote into the spec file: only the harness sets marks
    clean = commit_with(
        mirror,
        work,
        routine.path,
        read_file(mirror, base, routine.path),
        parent=base,
        message=f"Work on {task.key}",
    )
    if not mirror.diff(base, clean).files:
        raise SessionFailed("it changed nothing but the spec file")
    merged = merge(mirror, carrier, now.head, [clean])
    if merged.conflicts:
        conflict = merged.conflicts[0]
        if landed:
            raise _Overlap(f"another task changed {', '.join(conflict.files)} as well")
        raise SessionFailed(
            f"people changed {', '.join(conflict.files)} meanwhile, in another way. Its work is kept as "
            f"commit {lane.commit[:10]}"
        )
    commit = commit_with(
        mirror,
        merged.commit,
        routine.path,
        ticked,
        parent=now.head,
        message=f"{task.key}: {' '.join(task.title.split())[:60]}\n\nBridle-Spec: {routine.path}\n"
        f"Bridle-Task: {task.key}\nBridle-Work: {work}",
    )
    mirror.keep(f"refs/bridle/merges/{commit}", commit)
    carrier.put(mirror, commit, now.head)
    _check(bench, routine, task, commit, check, landed=landed)
    return Newest(commit, now.onto, Spec.read(routine.path, ticked, routine.format))


def _check(bench: Bench, routine: Routine, task: Task, commit: str, check: str, *, landed: bool) -> None:
    repository = routine.repository.accepting(task.commands)
    name = check if repository is routine.repository else ACCEPTANCE
    verdict = run_check(bench, repository, name, commit=commit)
    if not verdict.passed and landed:
        raise _Overlap(f"check {verdict.name!r} fails on top of what other tasks have changed")
    if not verdict.passed:
        raise SessionFailed(
            f"check {verdict.name!r} fails on {commit[:10]}, the work on top of the newest version. The end "
            f"of its output:\n{verdict.tail}"
        )


def _failed(step: Step, routine: Routine, key: str, why: str) -> str:
    """Count a failed attempt; returns what became of the task."""
    row = next((row for row in step.ledger.spec_tasks(routine.name) if row.key == key), None)
    # a retry: it was counted before; or another run has the task by now
    if row is None or row.state not in {WORKING, LANDED} or not _of_this_run(step, row):
        return why
    blocked = row.attempts + 1 >= routine.attempts
    step.ledger.set_task(
        routine.name, key, BLOCKED if blocked else OPEN, run=step.attempt.step, reason=why, failed=1
    )
    return f"attempt {row.attempts + 1} failed{', now blocked' if blocked else ''}: {why}"


def _of_this_run(step: Step, row: TaskRow) -> bool:
    return (row.dag_id, row.run_id) == (step.attempt.step.dag_id, step.attempt.step.run_id)


def _why(step: Step, group: str) -> SessionFailed | _NotTried:
    """Why a lane came to nothing, out of its last session and check."""
    key = step.attempt.step
    with Queries(step.ledger.url) as queries:
        rows = [
            row for row in queries.run(key.dag_id, key.run_id) if row.step.task_id.startswith(f"{group}.")
        ]
        for row in reversed(rows):
            name = row.step.task_id
            last = row.sessions[-1] if row.sessions else None
            if last is not None and last.outcome != "done":
                tried = was_tried(last.outcome, queries.calls(last.id))
                return (SessionFailed if tried else _NotTried)(f"{name}: {last.outcome}: {last.reason}")
            if row.checks and row.checks[-1].exit_code != 0:
                return SessionFailed(f"{name}: check {row.checks[-1].name!r} fails:\n{row.checks[-1].tail}")
            if last is not None and row.checks and last.commit is None:
                return SessionFailed(f"{name}: the session ended without changing a file")
    return _NotTried(f"no step of {group} came to a reviewed commit; its log says why")


def was_tried(outcome: str | None, calls: Sequence[CallRow]) -> bool:
    """Whether a session that was not done says something about its task.

    One that was stopped or lost does not, nor one without a call that was answered (no key, a spent budget),
    nor one that failed because its provider did.
    """
    if outcome in {None, "stopped", "lost"} or not any(call.status == "ok" for call in calls):
        return False
    return outcome != "failed" or calls[-1].status == "ok" or calls[-1].http_status == 400


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
                _failed(step, routine, row.key, str(refused))
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
            _failed(step, routine, key, "a person rejected its commit")
        elif rows[key].state in {WORKING, LANDED} and _of_this_run(step, rows[key]):
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
