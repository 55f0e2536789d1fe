"""What the calls of one session come to."""

from dataclasses import dataclass, field
from decimal import Decimal

from bridle.telemetry.attributes import Attributes
from bridle.telemetry.watcher import CallEnd


@dataclass
class Sums:
    """Counted call by call; what a call does not tell makes a sum unknown."""

    calls: int = 0
    unknown_usage: int = 0
    unknown_cost: int = 0
    cost_usd: Decimal = field(default_factory=Decimal)
    tokens: dict[str, int] = field(
        default_factory=lambda: {"input": 0, "output": 0, "cache_read": 0, "cache_creation": 0}
    )

    def add(self, end: CallEnd) -> None:
        """Count one call."""
        self.calls += 1
        self.cost_usd += end.price.amount or 0
        self.unknown_cost += end.price.amount is None
        self.unknown_usage += end.usage is None
        if end.usage is not None:
            self.tokens["input"] += end.usage.input_tokens
            self.tokens["output"] += end.usage.output_tokens
            self.tokens["cache_read"] += end.usage.cache_read_tokens
            self.tokens["cache_creation"] += end.usage.cache_write_tokens

    def attributes(self) -> Attributes:
        """As attributes of a session; not by the names that viewers add up, which have the calls."""
        told: Attributes = {"bridle.calls": self.calls}
        if not self.unknown_usage:
            told |= {f"bridle.tokens.{kind}": count for kind, count in self.tokens.items()}
        if not self.unknown_cost:
            told["bridle.cost_usd"] = float(self.cost_usd)
        return told
