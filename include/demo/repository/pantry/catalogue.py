"""What the pantry sells, and the volume prices of it."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pantry.money import show

PRICES = Path(__file__).with_name("prices.json")


class UnknownProduct(KeyError):
    """No such product in the catalogue."""


@dataclass(frozen=True)
class Tier:
    """A price that holds from `minimum` pieces on."""

    minimum: int
    price: Decimal


@dataclass(frozen=True)
class Product:
    sku: str
    title: str
    kind: str
    price: Decimal
    volume: tuple[Tier, ...]


class Catalogue:
    """All products, by SKU."""

    def __init__(self, products: list[Product]) -> None:
        self._products = {product.sku: product for product in products}

    @classmethod
    def read(cls, path: Path = PRICES) -> "Catalogue":
        """Read the catalogue from a JSON file like `prices.json`."""
        products = []
        for sku, entry in json.loads(path.read_text()).items():
            volume = tuple(Tier(int(least), Decimal(price)) for least, price in entry["volume"].items())
            products.append(Product(sku, entry["title"], entry["kind"], Decimal(entry["price"]), volume))
        return cls(products)

    def product(self, sku: str) -> Product:
        try:
            return self._products[sku]
        except KeyError:
            raise UnknownProduct(sku) from None

    def tiers(self, sku: str) -> list[Tier]:
        """The volume prices of a product, in the order in which the price list shows them."""
        return sorted(self.product(sku).volume, key=lambda tier: tier.minimum)

    def price_list(self) -> str:
        """The price list that goes to customers, as text."""
        lines = []
        for product in self._products.values():
            lines.append(f"{product.title:<24} {show(product.price):>14}")
            for tier in self.tiers(product.sku):
                lines.append(f"  from {tier.minimum:<18} {show(tier.price):>14}")
        return "\n".join(lines)
