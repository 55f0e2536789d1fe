"""What models cost, and what the same tokens would have cost elsewhere."""

from decimal import Decimal

import pytest

from bridle.config.providers import ModelPrice, ProviderSettings
from bridle.config.roles import Roles
from bridle.config.starter import starter_dir
from bridle.gateway.price_list import PriceList
from bridle.ledger.records import Usage

OWN = {
    "company": ProviderSettings(
        prices={"big": ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(8), cache_read_mtok=Decimal(1))}
    )
}
PRICES = PriceList(OWN)


@pytest.mark.parametrize("file", ["roles.yaml", "roles.anthropic.yaml"])
def test_every_model_of_the_shipped_roles_has_a_price(file: str) -> None:
    """A limit in dollars would otherwise be refused before the first call."""
    roles = Roles.read(starter_dir() / "include" / file)
    models = {model for role in roles.roles.values() for model in (role.model, *role.fallback)}
    assert {model for model in models if PRICES.rates(model) is None} == set()


def test_one_key_is_enough_for_the_roles_of_anthropic() -> None:
    roles = Roles.read(starter_dir() / "include" / "roles.anthropic.yaml").roles
    assert {provider for role in roles.values() for provider in role.providers} == {"anthropic"}


def test_both_role_files_have_the_same_roles() -> None:
    """Workflows name them."""
    files = [Roles.read(starter_dir() / "include" / name) for name in ("roles.yaml", "roles.anthropic.yaml")]
    assert set(files[0].roles) == set(files[1].roles)


def test_the_reviewer_is_of_another_family_than_the_implementer() -> None:
    roles = Roles.read(starter_dir() / "include" / "roles.yaml")
    assert roles.get("reviewer").agent == "codex"
    assert roles.get("reviewer").provider != roles.get("implementer").provider


def test_a_private_price_goes_before_the_public_list() -> None:
    rates = PRICES.rates("company:big")
    assert rates is not None
    assert (rates.input, rates.output, rates.cache_read) == (2, 8, 1)


def test_calls_are_priced_one_by_one_because_prices_have_tiers() -> None:
    """Two calls below the tier do not cost what one above it does."""
    model, half = "anthropic:claude-sonnet-4-5", Usage(input_tokens=150_000)
    apart = PRICES.as_if(model, [half, half])
    together = PRICES.as_if(model, [Usage(input_tokens=300_000)])
    assert apart is not None
    assert together is not None
    assert apart < together


def test_what_nobody_knows_is_not_zero() -> None:
    assert PRICES.cost("company:other", Usage(input_tokens=1)) is None
    assert PRICES.as_if("company:big", [Usage(input_tokens=1), None]) is None
    assert PRICES.dearest(["company:other"], [Usage(input_tokens=1)]) is None
    assert PRICES.dearest(["company:other", "company:big"], [Usage(input_tokens=1), None]) == "company:big"
