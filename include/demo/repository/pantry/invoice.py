"""What a customer has to pay."""

from dataclasses import dataclass
from decimal import Decimal

from pantry.catalogue import Catalogue
from pantry.money import cents, show
from pantry.orders import Order
from pantry.pricing import unit_price
from pantry.tax import vat


@dataclass(frozen=True)
class InvoiceLine:
    title: str
    quantity: int
    price: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Invoice:
    customer: str
    lines: tuple[InvoiceLine, ...]

    @classmethod
    def of(cls, order: Order, catalogue: Catalogue) -> "Invoice":
        """Price every line of an order."""
        lines = []
        for sku, quantity in order.quantities.items():
            product = catalogue.product(sku)
            price = unit_price(catalogue, sku, quantity)
            net = cents(price * quantity)
            lines.append(InvoiceLine(product.title, quantity, price, net, cents(vat(product.kind, net))))
        return cls(order.customer, tuple(lines))

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def total(self) -> Decimal:
        return self.net + sum((line.tax for line in self.lines), Decimal(0))

    def text(self) -> str:
        rows = [f"Invoice for {self.customer}", ""]
        rows += [
            f"{line.quantity:>5} x {line.title:<24} {show(line.price):>12} {show(line.net):>14}" for line in self.lines
        ]
        rows += ["", f"{'net':>48} {show(self.net):>14}", f"{'total with VAT':>48} {show(self.total):>14}"]
        return "\n".join(rows)
