"""`GET /bridle/api/run` and `GET /bridle/api/run/diff`."""

from typing import Literal

from bridle.dashboard.shapes.approvals import Approval
from bridle.dashboard.shapes.base import Moment, Shape, Totals
from bridle.dashboard.shapes.budgets import Budget
from bridle.dashboard.shapes.runs import Run

SpanKind = Literal["session", "check", "approval", "effect"]


class OfTry(Shape):
    """Something that one try of a step did."""

    task_id: str
    map_index: int
    """-1 for a task that is not mapped."""
    try_number: int


class Span(OfTry):
    """Something that took time in a run: a bar on its time axis."""

    kind: SpanKind
    id: str
    """Of the session, check or review; of an effect, its key."""
    generation: int
    """Airflow's `max_tries`: a clear raises it, a retry does not."""
    round: int | None
    """Of the step, from 1; null for approvals and effects."""
    start: Moment
    end: Moment | None
    """Null: it goes on."""
    label: str
    """A role, the name of a check, a question, or the kind of an effect. Untrusted text."""
    state: str
    """Of a session `running` or its outcome; `passed`, `failed` or `timed out`; `waiting`, `approve` or
    `reject`; `intended`, `done` or `uncertain`."""
    detail: str
    """Why it ended so, what it said of itself, who answered, or where it wrote. Untrusted text."""
    agent: str | None = None
    model: str | None = None
    """`provider:model` that was asked."""
    answered_models: tuple[str, ...] = ()
    """Those that answered."""
    totals: Totals | None = None
    """Of a session."""
    commit: str | None = None
    base_commit: str | None = None
    isolation: str | None = None
    resumed_from: str | None = None
    """The session that it went on from."""
    why: str = ""
    """Of a session: why it began where it did, what was reused, and what was done again."""
    url: str | None = None
    """Of what an effect made."""


class SessionName(Shape):
    """A session by what people call it."""

    id: str
    task_id: str
    map_index: int
    round: int


class Decision(OfTry):
    """A choice, who made it, and what followed."""

    id: str
    at: Moment
    what: str
    options: list[str]
    choice: str
    why: str
    """Untrusted text."""
    confidence: float | None
    """From 0 to 1; null where nobody said."""
    by: str
    """`rule`, `policy`, `model:<role>` or `human:<user>`."""
    dispatched: list[SessionName]
    """Sessions of the run that began after it, and before the next decision."""


class Failure(OfTry):
    """How it failed."""

    at: Moment
    kind: str
    """The class of the error."""
    reason: str
    """Untrusted text."""
    retryable: bool
    """Whether Airflow was asked to try again."""


class RunView(Shape):
    """Everything about one run."""

    run: Run | None
    """Null: it has had no session yet, and no failure."""
    failures: list[Failure]
    """In order; those that a later try got over, too."""
    spans: list[Span]
    """The one that began first comes first."""
    decisions: list[Decision]
    """In order."""
    budgets: list[Budget]
    """Of the run, its loop, and those of its steps that are capped."""
    waiting: list[Approval]
    """What it waits for a human to answer."""
    may_act: bool
    """Whether this user may stop it."""


class FileDiff(Shape):
    """What was changed in one file."""

    path: str
    added: int
    """Lines."""
    removed: int
    """Lines."""
    patch: str
    """Unified diff. Untrusted text."""


class Diff(Shape):
    """One change."""

    title: str
    """Of the step, or what a human was shown."""
    session_id: str | None
    commit: str | None
    files: list[FileDiff]
    truncated: bool
    """Whether the middle was left out: it was larger than the ledger or a page takes."""


class Diffs(Shape):
    """What was changed: in all, and by each session."""

    whole: Diff | None
    """What a human was last asked about, or policy let pass; null: it has not come to that."""
    sessions: list[Diff]
    """Those that changed something, in order."""
