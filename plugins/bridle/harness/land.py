"""Work on tasks of a spec becomes commits on top of its newest version, each with its mark set."""

import logging
from collections.abc import Sequence

from bridle.config.repositories import ACCEPTANCE, Repository
from bridle.errors import SessionFailed, SpecChanged
from bridle.harness.bench import Bench
from bridle.harness.check import run_check
from bridle.harness.lane import Lane, NotTried, why_nothing
from bridle.harness.pick import hold
from bridle.harness.result import StepResult
from bridle.harness.routine import Newest, Picked, Routine, newest, spec_at
from bridle.harness.spec_failure import count_failure
from bridle.harness.step import Step
from bridle.ledger.tasks import LANDED, OPEN
from bridle.spec.spec import Spec
from bridle.spec.task import Task
from bridle.workspace.files import commit_with, read_file
from bridle.workspace.merge import merge

log = logging.getLogger(__name__)


class Landed(StepResult):
    """Commits that wait to be published."""

    onto: str | None = None
    """Where the spec's branch was; None: it was not there."""
    undecided: bool = False
    """True when a review still asks for changes: then a human has to decide."""


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
        except NotTried as why:
            step.ledger.set_task(routine.name, key, OPEN, run=step.attempt.step, reason=str(why))
            not_tried.append(key)
            told.append(f"{key} was not tried, and stays open: {why}")
        except SessionFailed as failed:
            told.append(f"{key}: {count_failure(step, routine, key, str(failed))}")
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
        raise why_nothing(bench.step, lane.group)
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
        message=f"{task.headline[:68]}\n\nBridle-Spec: {routine.path}\n"
        f"Bridle-Task: {task.key}\nBridle-Work: {work}",
    )
    mirror.keep(f"refs/bridle/merges/{commit}", commit)
    carrier.put(mirror, commit, now.head)
    accepting = routine.repository.accepting(now.spec.commands(task))
    repository, name = (accepting, ACCEPTANCE) if accepting else (routine.repository, check)
    _check(bench, repository, name, commit, landed=landed)
    return Newest(commit, now.onto, Spec.read(routine.path, ticked, routine.format))


def _check(bench: Bench, repository: Repository, name: str, commit: str, *, landed: bool) -> None:
    verdict = run_check(bench, repository, name, commit=commit)
    if not verdict.passed and landed:
        raise _Overlap(f"check {verdict.name!r} fails on top of what other tasks have changed")
    if not verdict.passed:
        raise SessionFailed(
            f"check {verdict.name!r} fails on {commit[:10]}, the work on top of the newest version. The end "
            f"of its output:\n{verdict.tail}"
        )
