"""`GET /bridle/api/loops` and `GET /bridle/api/loop`; answers of the actions on loops."""

from typing import Any

from bridle.dashboard.shapes.base import Moment, Money, Shape, Totals
from bridle.dashboard.shapes.budgets import Budget


class Loop(Shape):
    """A loop as lists show it."""

    id: str
    dag_id: str
    goal: str
    """Untrusted text."""
    repo: str
    state: str
    """`running`, `paused`, `stopped`, `done` or `failed`."""
    reason: str
    branch: str
    base_commit: str
    head_commit: str
    opened_at: Moment
    closed_at: Moment | None
    deadline: Moment | None
    rounds: int
    max_rounds: int | None
    totals: Totals


class Loops(Shape):
    """Loops, the newest first."""

    loops: list[Loop]


class Worker(Shape):
    """A task that the orchestrator gave out, and what became of it."""

    title: str
    prompt: str
    files: list[str]
    acceptance: str
    why: str
    """All untrusted text."""
    status: str | None
    """`merged`, or why not in one word; null: not known yet."""
    problem: str
    commit: str | None
    session_id: str | None


class Criterion(Shape):
    """One of the loop's criteria, as the harness found it."""

    name: str
    passed: bool
    failing: list[str]
    passing: list[str]
    output: str
    """The end of it. Untrusted text."""
    doubt: str


class Round(Shape):
    """One round: one DAG run."""

    round: int
    run_id: str
    opened_at: Moment
    closed_at: Moment | None
    base_commit: str
    head_commit: str
    why: str
    """Why the orchestrator decided so. Untrusted text."""
    done: bool
    """Whether the orchestrator said that the goal is met; only the criteria make it so."""
    postponed: list[Any]
    """What it gave out beyond what a round takes. Untrusted."""
    workers: list[Worker]
    criteria: list[Criterion]
    verdict: str
    """`next`, `done` or `stop`; empty: it goes on."""
    reason: str
    answered_by: str | None
    answer: str | None
    feedback: str
    """Untrusted text."""
    totals: Totals
    orchestration_tokens: int
    """Input and output of the role `orchestrator`."""
    cumulated_usd: Money
    """Known costs from the first round up to this one."""


class LoopView(Shape):
    """Everything about one loop."""

    loop: Loop
    start: list[Criterion]
    """The criteria before the first round."""
    rounds: list[Round]
    budget: Budget | None
    may_act: bool
    """Whether this user may pause, extend and stop it."""
    may_resume: bool
    """Whether this user may let it go on, which starts a run."""
