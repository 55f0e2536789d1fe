"""`GET` and `POST` of `/bridle/api/run/bisect` and `/bridle/api/loop/bisect`."""

from bridle.dashboard.shapes.base import Moment, Shape


class Probe(Shape):
    """One check of a search."""

    number: int
    """Counts from 1."""
    commit: str
    round: int | None
    """Null: the commit before everything."""
    again: bool
    """Whether it was to make sure of what was found."""
    passed: bool
    timed_out: bool
    seconds: float


class Dispatcher(Shape):
    """The decision that dispatched a session."""

    id: str
    what: str
    choice: str
    by: str
    """`rule`, `policy`, `model:<role>` or `human:<user>`."""
    why: str
    """Untrusted text."""


class Culprit(Shape):
    """The session that made the first commit that fails, or whose merge is that commit."""

    session_id: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    """-1 for a task that is not mapped."""


class Bisect(Shape):
    """One search for the round that went wrong."""

    id: str
    by: str
    check: str
    """Empty: a command that somebody typed at a terminal."""
    command: str
    state: str
    """`asked`, `running`, `found`, `good` (passes at the end), `bad` (fails at the start), `mixed` (turned
    good in between), `flaky`, `failed`, `stopped` (by a person), `lost` (its process vanished)."""
    why: str
    """The result in words. Holds untrusted text."""
    commits: int | None
    """How many there are to search; null: not known yet."""
    searched: int | None
    """Checks that it took to find this; null: not known yet."""
    repeated: int | None
    """Checks run besides, to make sure of it."""
    round: int | None
    """The one that went wrong."""
    commit: str | None
    """The first that fails."""
    good_commit: str | None
    """The last that passes before it."""
    flaky: list[str]
    """Commits of which the check said both."""
    culprit: Culprit | None
    decision: Dispatcher | None
    probes: list[Probe]
    """Those that have run, in order."""
    done_by_dag: str
    done_by_run: str
    """The run that searches: its log has the output of every check."""
    opened_at: Moment
    closed_at: Moment | None


class Bisects(Shape):
    """The newest searches in a run or loop, the newest first."""

    checks: list[str]
    """Names that may be searched with; the first is the repository's own first."""
    may_search: bool
    """Whether this user may start one."""
    searches: list[Bisect]
