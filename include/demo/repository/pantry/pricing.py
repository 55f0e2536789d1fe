"""The price of one piece when so many are ordered."""

from decimal import Decimal

from pantry.catalogue import Catalogue


def unit_price(catalogue: Catalogue, sku: str, quantity: int) -> Decimal:
    """Net price of one piece in a line of `quantity` pieces.

    The best volume price whose minimum is reached holds for the whole line.
    """
    if quantity < 1:
        raise ValueError(f"{sku}: cannot price {quantity} pieces")
    for tier in catalogue.tiers(sku):
        if quantity >= tier.minimum:
            return tier.price
    return catalogue.product(sku).price
