"""What models cost by the user's own prices of roles.yaml, else the public list; asks no provider."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridle.config.providers import ProviderSettings
from bridle.gateway.pricing import price
from bridle.gateway.providers import Provider
from bridle.ledger.records import Usage

FIRST_TIER = 100_000
"""Input tokens of one call up to which every known provider charges its first prices."""
_SAMPLE = 1_000
"""Tokens; below every provider's first tier."""


@dataclass(frozen=True)
class Rates:
    """US dollars for a million tokens, at the first tier."""

    input: Decimal
    output: Decimal
    cache_read: Decimal


class PriceList:
    """Prices of models by `provider:model`.

    Args:
        own: the section `providers` of roles.yaml.
    """

    def __init__(self, own: Mapping[str, ProviderSettings]) -> None:
        self._own = own

    def cost(self, model: str, usage: Usage) -> Decimal | None:
        """What one call with this usage costs; None: nobody knows."""
        provider, _, name = model.partition(":")
        settings = self._own.get(provider)
        prices = settings.prices if settings else {}
        return price(Provider(provider, {}, key="", prices=prices), name, usage).amount

    def rates(self, model: str) -> Rates | None:
        """The prices of a model; None: nobody knows."""
        found = [
            self.cost(model, Usage(input_tokens=_SAMPLE)),
            self.cost(model, Usage(output_tokens=_SAMPLE)),
            self.cost(model, Usage(input_tokens=_SAMPLE, cache_read_tokens=_SAMPLE)),
        ]
        known = [amount * 1_000_000 / _SAMPLE for amount in found if amount is not None]
        return Rates(*known) if len(known) == len(found) else None

    def as_if(self, model: str, calls: Iterable[Usage | None]) -> Decimal | None:
        """What the same tokens, call by call, would have cost on one model; None: nobody knows.

        Another model would have used other tokens; this is the same work at another price, no forecast.
        """
        total = Decimal(0)
        for usage in calls:
            amount = None if usage is None else self.cost(model, usage)
            if amount is None:
                return None
            total += amount
        return total

    def as_if_summed(self, model: str, small: Usage, large: Iterable[Usage]) -> Decimal | None:
        """The same for more calls than can be priced one by one; None: nobody knows.

        Args:
            model: `provider:model`.
            small: calls of at most `FIRST_TIER` input tokens, added up: their prices are linear.
            large: every other call.
        """
        cached = small.cache_read_tokens + small.cache_write_tokens
        parts = [
            (Usage(input_tokens=_SAMPLE), small.input_tokens - cached),
            (Usage(input_tokens=_SAMPLE, cache_read_tokens=_SAMPLE), small.cache_read_tokens),
            (Usage(input_tokens=_SAMPLE, cache_write_tokens=_SAMPLE), small.cache_write_tokens),
            (Usage(output_tokens=_SAMPLE), small.output_tokens),
        ]
        total = self.as_if(model, large)
        for sample, tokens in parts:
            amount = self.cost(model, sample)
            if amount is None or total is None:
                return None
            total += amount * tokens / _SAMPLE
        return total

    def dearest(self, models: Iterable[str], calls: Iterable[Usage | None]) -> str | None:
        """The model on which the same tokens would have cost most; None: no price is known."""
        usages = [usage for usage in calls if usage is not None]
        sums = {model: self.as_if(model, usages) for model in sorted(set(models))}
        known = {model: amount for model, amount in sums.items() if amount is not None}
        return max(known, key=lambda model: known[model]) if known else None
