"""Amounts of money: exact decimals, rounded to cents here and nowhere else."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Round to whole cents, halves upwards, as the tax office wants it."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def show(amount: Decimal) -> str:
    """`1234.5` as `1,234.50 EUR`."""
    return f"{cents(amount):,} EUR"
