"""One model call that splits what is left of a goal into tasks; the rest is rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridle.guard.sanitize import fence_untrusted
from bridle.harness.criteria import check_criteria
from bridle.harness.digest import FEEDBACK_BYTES, cut, digest, failures
from bridle.harness.loop import LoopTerms, Turn, begin
from bridle.harness.reference import expand, keep
from bridle.harness.repository_map import map_of
from bridle.harness.result import StepResult
from bridle.harness.session import Assignment
from bridle.harness.step import Step
from bridle.harness.work import Work, work
from bridle.models import Orders, Task

Kwargs = dict[str, Any]
"""Arguments of one mapped worker."""


@dataclass(frozen=True)
class Dispatch:
    """The tasks of one round, and those that have to wait."""

    tasks: tuple[Task, ...]
    postponed: tuple[tuple[str, str], ...]
    """Title and why."""


def orchestrate(step: Step, terms: LoopTerms, *, role: str, prompt: str) -> tuple[StepResult, list[Kwargs]]:
    """Open the round, ask the orchestrator, and say what each worker gets.

    Raises:
        StopRequested: the loop was paused or has ended.
        SessionFailed: no valid answer, twice.
        BudgetSpent: the loop's budget, or the session's limit.
    """
    turn = begin(step, terms)
    note_the_start(turn)
    # without tools: the repository is named for the books, nothing of it can be read
    asked = Work(
        assignment=lambda _round, _feedback: _assignment(turn, role, prompt),
        repository=turn.repository,
        base=turn.round.base_commit,
    )
    result = work(step, asked)
    orders = Orders.model_validate(expand(result.result, step.ledger))
    sent = dispatch(orders, workers=terms.workers)
    said = {
        "done": orders.done,
        "why": orders.why,
        "asked": len(orders.tasks),
        "postponed": list(sent.postponed),
    }
    step.ledger.note_round(turn.round, decision=said, dispatched=[task.model_dump() for task in sent.tasks])
    step.ledger.decide(
        step.attempt,
        what="orders",
        options=["done", "tasks"],
        choice="done" if orders.done else f"{len(sent.tasks)} tasks",
        why=orders.why,
        confidence=None,
        by=f"model:{role}",
    )
    summary = "says done" if orders.done else "; ".join(task.title for task in sent.tasks) or "gave no task"
    told = result.model_copy(update={"summary": summary[:500]})
    return told, [_kwargs(turn, task) for task in sent.tasks]


def dispatch(orders: Orders, *, workers: int) -> Dispatch:
    """At most `workers` tasks that touch different files, in the order in which they were given."""
    tasks: list[Task] = []
    postponed: list[tuple[str, str]] = []
    for task in [] if orders.done else orders.tasks:
        clash = next((other for other in tasks if _overlap(task.files, other.files)), None)
        if len(tasks) >= workers:
            postponed.append((task.title, f"over {workers} tasks a round"))
        elif clash is not None:
            postponed.append((task.title, f"same files as {clash.title}"))
        else:
            tasks.append(task)
    return Dispatch(tuple(tasks), tuple(postponed[:10]))


def _overlap(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    def covers(one: str, other: str) -> bool:
        return one == other or other.startswith(f"{one}/")

    ours, others = ([path.strip("./").rstrip("/") for path in paths] for paths in (mine, theirs))
    return any(covers(one, other) or covers(other, one) for one in ours for other in others)


def note_the_start(turn: Turn) -> None:
    """Round 0: the checks on what the loop starts from, so that the first orchestrator knows what fails."""
    ledger = turn.step.ledger
    if turn.round.round != 1 or turn.earlier():
        return
    base = turn.round.base_commit
    checks = check_criteria(turn, base)
    start = ledger.open_round(turn.loop.id, 0, run_id=turn.round.run_id, base=base)
    ledger.note_round(start, checks=[check.model_dump() for check in checks], head=base)
    ledger.close_round(start, verdict="start", reason="where the loop starts", tokens=0, cost_usd=None)


def _assignment(turn: Turn, role_name: str, prompt: str) -> Assignment:
    role = turn.step.role(role_name)
    before = turn.earlier()
    last = before[-1] if before else None
    known = "\n\n".join(
        (
            f"Files (bytes: symbols)\n{map_of(turn.bench.mirror, turn.round.base_commit)}",
            f"Last round\n{digest(last)}",
            f"Failing\n{failures(last)}",
        )
    )
    seen = {
        "goal": turn.loop.goal,
        "workers": turn.terms.workers,
        "feedback": cut(str(last.answer.get("feedback", "")) if last else "", FEEDBACK_BYTES),
        "known": fence_untrusted("facts", turn.step.ledger.redactor.text(known)),
    }
    return Assignment(
        role_name=role_name,
        role=role,
        limits=role.limits,
        access="none",
        prompt=turn.step.prompt(prompt, seen),
        output_type=Orders,
    )


def _kwargs(turn: Turn, task: Task) -> Kwargs:
    told = {"goal": turn.loop.goal, **task.model_dump()}
    name = f"task of round {turn.round.round}"
    return {
        # all of a round's tasks share one XCom
        "inputs": {"task": keep(told, turn.step.ledger, name=name)},
        "base": turn.round.base_commit,
        "check": turn.terms.worker_check,
    }
