"""`GET /bridle/api/costs`, `/bridle/api/costs.csv`, `/bridle/api/costs/as-if`."""

from typing import Literal

from bridle.dashboard.shapes.base import Money, Shape, Totals

CostsBy = Literal["repo", "role", "model", "dag", "user", "day", "agent"]


class Cost(Shape):
    """What one repository, role, model … came to."""

    name: str
    """Empty: none, for instance a session without a repository, or a run that no user triggered."""
    runs: int
    """In which it called a model."""
    sessions: int
    """Likewise."""
    totals: Totals


class Costs(Shape):
    """Cost by something, the dearest first (by day: the oldest first)."""

    by: CostsBy
    since: str | None
    """First UTC day that counts, `YYYY-MM-DD`; null: all that the ledger has."""
    until: str | None
    """Last UTC day that counts; null: today."""
    rows: list[Cost]
    total: Totals
    """All rows together."""


class AsIf(Shape):
    """What the same tokens, call by call, would have cost on one model: a comparison, no forecast."""

    model: str | None
    """`provider:model`; null: no price is known of any model used."""
    models: list[str]
    """The models used, to choose from."""
    as_if_usd: Money | None
    """Of the calls whose tokens are known; null: the model's price is not."""
    calls: int
    unpriced_calls: int
    """Of unknown usage, which `as_if_usd` does not hold."""
    known_usd: Money
    """What was paid."""
    unknown_calls: int
    """Calls of unknown cost, which `known_usd` does not hold."""
