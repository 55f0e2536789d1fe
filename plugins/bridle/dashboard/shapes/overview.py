"""`GET /bridle/api/overview?days=14`."""

from typing import Literal

from bridle.dashboard.shapes.approvals import Approval
from bridle.dashboard.shapes.base import Moment, Money, Shape, Share, Totals
from bridle.dashboard.shapes.runs import Run

SeriesKey = Literal["model", "role", "dag"]


class Point(Shape):
    """What one model, role or DAG came to on one day."""

    day: str
    """UTC, `YYYY-MM-DD`. Days without calls have no points."""
    name: str
    """Of the model, role or DAG."""
    tokens: int
    """Input and output together."""
    known_usd: Money
    unknown_calls: int
    """Calls of unknown cost, which `known_usd` does not hold."""


class SpentToday(Shape):
    """Today (UTC) against its cap."""

    day: str
    """`YYYY-MM-DD`."""
    totals: Totals
    """Of the DAGs that the user may read."""
    cap_usd: Money | None
    """What this day may cost, all DAGs together; null: no cap in dollars."""
    cap_tokens: int | None
    counted_usd: Money | None
    """What counts against the cap: all DAGs, calls of unknown cost with their estimates. Null for users who
    may not read every DAG that the ledger knows."""
    counted_tokens: int | None


class Overview(Shape):
    """The first page."""

    since: Moment
    """From here on the series and shares count: midnight (UTC) of the first of the days asked for."""
    running: list[Run]
    """Runs that Airflow has queued or running, with a session so far; newest first, at most 50."""
    waiting: list[Approval]
    """What waits for a human, the oldest first."""
    failed: list[Run]
    """Runs that Airflow ended as failed within 24 hours; newest first, at most 50."""
    spent_today: SpentToday
    series: dict[SeriesKey, list[Point]]
    """By day and name."""
    success_rate: Share
    """Of runs with a session, or that failed before one, and ended since `since`: succeeded among those."""
    rounds_per_task: Share
    """Of sessions opened since `since`: rounds among steps (a step: one task of one run)."""
    orchestration_share: Share
    """Tokens of the role `orchestrator` among all tokens since `since`."""
