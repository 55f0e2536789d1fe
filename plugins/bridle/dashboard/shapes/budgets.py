"""`GET /bridle/api/budgets` and `GET /bridle/api/budgets/burn-down?scope=…`."""

from bridle.dashboard.shapes.base import Moment, Money, Shape


class Budget(Shape):
    """A scope that is capped or stopped."""

    scope: str
    """`all`, `day:YYYY-MM-DD`, `day:YYYY-MM-DD/dag`, `day:*`, `day:*/dag`, `run:dag/run`,
    `step:dag/run/task[/map_index]` or `loop:id`."""
    kind: str
    """What stands before the colon."""
    dag_id: str | None
    """Null: all DAGs; such scopes are shown only to users who may read every DAG that the ledger knows."""
    run_id: str | None
    loop_id: str | None
    cap_usd: Money | None
    """Null: no cap in dollars."""
    cap_tokens: int | None
    spent_usd: Money
    """Calls of unknown cost count with their estimates."""
    spent_tokens: int
    reserved_usd: Money
    """Of calls under way, their estimates."""
    reserved_tokens: int
    calls: int
    capped_by: str | None
    """`roles.yaml`, `params` or `human:<user>`."""
    stopped_by: str | None
    """Who asked everything in it to stop; null: nobody."""
    warned_at: Moment | None
    """When 80 % of a cap was spent."""


class Budgets(Shape):
    """One page of budgets: newest days first, then loops, then runs and steps."""

    budgets: list[Budget]
    next: str | None
    """Cursor of the next page; null: this was the last one."""


class Burned(Shape):
    """What was spent in one hour (of a day) or on one day (of anything else)."""

    at: Moment
    """When that hour or day began."""
    spent_usd: Money
    spent_tokens: int
    total_usd: Money
    """From the beginning up to its end."""
    total_tokens: int


class BurnDown(Shape):
    """How a budget was spent; hours or days without calls have no point."""

    budget: Budget
    points: list[Burned]
    """The oldest first; the last one's totals are what the budget has spent."""
