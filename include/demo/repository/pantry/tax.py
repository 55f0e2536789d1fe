"""Value added tax."""

from decimal import Decimal

RATES = {"food": Decimal("0.07"), "goods": Decimal("0.19")}


def vat(kind: str, net: Decimal) -> Decimal:
    """The tax on a net amount of one kind of goods, not rounded."""
    try:
        return net * RATES[kind]
    except KeyError:
        raise ValueError(f"no VAT rate for {kind!r}; known: {', '.join(RATES)}") from None
