"""`GET /bridle/api/approvals`.

Answering is Airflow's own: `PATCH` to `answer_path` below Airflow's base URL with
`{"chosen_options": ["Approve"], "params_input": {…}}`: the same rights, the same effect, the same audit log.
"""

from typing import Any

from bridle.dashboard.shapes.base import Moment, Shape


class Approval(Shape):
    """A question that a run waits with."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    """-1 for a task that is not mapped."""
    opened_at: Moment
    """When it was asked; how long ago that is, is its age."""
    subject: str
    """The question in one line. Untrusted text."""
    body: str
    """What the human is shown: Markdown, untrusted; at most 20,000 characters."""
    options: list[str]
    """What may be answered."""
    multiple: bool
    """Whether several may be chosen."""
    params: dict[str, Any]
    """Fields to fill in, as Airflow describes them: name to value, or to `{value, description, schema}`."""
    filled: dict[str, str]
    """Fields that are filled in already, and belong to each answer."""
    assignees: list[str]
    """Who may answer; empty: everybody with the right."""
    may_answer: bool
    """Whether this user may."""
    answer_path: str
    """Where the answer goes, from Airflow's base URL: `api/v2/dags/…/hitlDetails`."""
    review_id: str | None
    """The ledger's review; null when another tool asks."""
    commit: str | None
    """What an approval is for."""


class Approvals(Shape):
    """Everything that waits, the oldest first."""

    approvals: list[Approval]
