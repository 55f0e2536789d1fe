"""`GET /bridle/api/runs` and `GET /bridle/api/me`."""

from bridle.dashboard.shapes.base import Moment, Shape, Totals


class Me(Shape):
    """Who is asking."""

    user: str
    """Name in Airflow."""
    may_act: bool
    """Whether some DAG's runs may be changed; each action asks again, for its own DAG."""


class Run(Shape):
    """One DAG run that has had a session."""

    dag_id: str
    run_id: str
    state: str | None
    """Airflow's: `queued`, `running`, `success` or `failed`; null when Airflow has forgotten the run."""
    user: str | None
    """Who triggered it; null when nobody did (a schedule), or Airflow does not say."""
    repo: str | None
    """Name on the allow-list."""
    loop_id: str | None
    round: int | None
    """Of its loop, from 1."""
    opened_at: Moment
    """When its first session began."""
    last_at: Moment
    """When its newest session began or ended, whichever is later."""
    sessions: int
    open_sessions: int
    """Those at work now."""
    totals: Totals
    summary: str
    """The newest that a session said about itself; may be empty. Untrusted text."""
    reason: str
    """What failed first and was not tried again; empty unless the run failed. Untrusted text."""
    pull_request: str | None
    """URL of the pull request that it opened or updated; null: none."""


class Runs(Shape):
    """One page of runs, the newest first."""

    runs: list[Run]
    next: str | None
    """Cursor of the next page, to be given back as it is; null: this was the last one."""
