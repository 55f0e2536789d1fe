"""What a call costs: by the user's own prices, else by genai-prices. Unknown stays unknown."""

from decimal import Decimal
from typing import TYPE_CHECKING

from bridle.config.providers import ModelPrice
from bridle.errors import ConfigError
from bridle.ledger.records import Price, Usage

if TYPE_CHECKING:
    from bridle.gateway.providers import Provider

_PRICE_LIST_NAMES = {"moonshot": "moonshotai"}
_MILLION = Decimal(1_000_000)


def price(
    provider: "Provider", model: str, usage: Usage, *, asked: str = "", hour_cache_writes: int = 0
) -> Price:
    """The price of one call; tiers make it wrong for sums of calls.

    Args:
        provider: who answered.
        model: the provider's name of the model.
        usage: of this call.
        asked: what the call named, when `model` is what its answer names: a model that is not known by the
            one is by the other, and own prices of both go before the list.
        hour_cache_writes: how many of its cache writes live for an hour, which costs more.
    """
    names = [model, asked] if asked else [model]
    own = next((provider.prices[name] for name in (*names, "*") if name in provider.prices), None)
    if own:
        return Price(_cost(own, usage), source=f"own price of {provider.name}")
    from genai_prices import Usage as Priced
    from genai_prices import __version__, calc_price

    priced = Priced(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=hour_cache_writes,
    )
    listed = _PRICE_LIST_NAMES.get(provider.name, provider.name)
    for name in names:
        try:
            amount = calc_price(priced, name, provider_id=listed).total_price
        except (LookupError, ValueError):
            continue  # not on the list, or usage that contradicts itself: either way nobody knows
        return Price(amount, source="genai-prices", version=__version__)
    return Price(None, source="genai-prices", version=__version__)


def require_price(provider: "Provider", model: str) -> None:
    """Make sure that a dollar limit on this model can be kept; asked before a session with one begins.

    Raises:
        ConfigError: nobody knows what the model costs.
    """
    if price(provider, model, Usage(input_tokens=1)).amount is None:
        raise ConfigError(
            f"nobody knows what {provider.name}:{model} costs, so a limit in dollars cannot be kept: limit "
            f"its tokens instead, or give its price in US dollars for a million tokens in roles.yaml: "
            f"providers: {{{provider.name}: {{prices: {{{model}: {{input_mtok: 0.6, output_mtok: 2.5}}}}}}}}"
        )


def _cost(own: ModelPrice, usage: Usage) -> Decimal | None:
    plain = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    if plain < 0:
        return None  # usage that contradicts itself would give budget back
    read = own.input_mtok if own.cache_read_mtok is None else own.cache_read_mtok
    write = own.input_mtok if own.cache_write_mtok is None else own.cache_write_mtok
    total = plain * own.input_mtok + usage.cache_read_tokens * read + usage.cache_write_tokens * write
    return (total + usage.output_tokens * own.output_mtok) / _MILLION
