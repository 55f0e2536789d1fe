"""What a customer wants."""

from dataclasses import dataclass, field


@dataclass
class Order:
    """Quantities by SKU, in the order in which they were first asked for."""

    customer: str
    quantities: dict[str, int] = field(default_factory=dict)

    def add(self, sku: str, quantity: int = 1) -> "Order":
        """Add pieces; the same SKU twice is one line, so that volume prices see the sum."""
        if quantity < 1:
            raise ValueError(f"{sku}: cannot order {quantity} pieces")
        self.quantities[sku] = self.quantities.get(sku, 0) + quantity
        return self
