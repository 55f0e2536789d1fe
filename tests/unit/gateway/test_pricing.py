"""Prices: of each call by itself, from the connection first, unknown when unknown."""

from decimal import Decimal

import pytest

from bridle.config.providers import ModelPrice
from bridle.errors import ConfigError
from bridle.gateway.estimate import UNSTATED_OUTPUT_TOKENS, Estimator
from bridle.gateway.pricing import price, require_price
from bridle.gateway.providers import Provider
from bridle.ledger.records import Usage

ANTHROPIC = Provider("anthropic", {}, key="")


def test_cached_tokens_have_their_own_price() -> None:
    usage = Usage(9300, 200, cache_read_tokens=6000, cache_write_tokens=2900)
    assert price(ANTHROPIC, "claude-sonnet-4-5", usage).amount == Decimal("0.016875")


def test_cache_writes_for_an_hour_cost_more() -> None:
    usage = Usage(1000, 0, cache_write_tokens=1000)
    short = price(ANTHROPIC, "claude-sonnet-4-5", usage).amount
    assert (short, price(ANTHROPIC, "claude-sonnet-4-5", usage, hour_cache_writes=1000).amount) == (
        Decimal("0.00375"),
        Decimal("0.006"),
    )


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("moonshot", "kimi-k2.6"),
        ("openrouter", "moonshotai/kimi-k2.6"),
        ("openai", "gpt-5.5"),
        ("anthropic", "claude-haiku-4-5-20251001"),
    ],
)
def test_the_usual_models_have_a_price(provider: str, model: str) -> None:
    known = price(Provider(provider, {}, key=""), model, Usage(1000, 1000))
    assert known.amount
    assert (known.source, bool(known.version)) == ("genai-prices", True)


@pytest.mark.parametrize(("provider", "model"), [("anthropic", "nobody-knows"), ("mine", "claude-haiku-4-5")])
def test_unknown_is_unknown_and_never_zero(provider: str, model: str) -> None:
    assert price(Provider(provider, {}, key=""), model, Usage(1000, 1000)).amount is None


def test_usage_that_contradicts_itself_has_no_price() -> None:
    assert price(ANTHROPIC, "claude-haiku-4-5", Usage(10, 10, cache_read_tokens=99)).amount is None


def test_a_price_of_the_users_own_wins() -> None:
    own = {
        "m": ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(10), cache_read_mtok=Decimal(1)),
        "*": ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0)),
    }
    provider = Provider("mine", {}, key="", connection="bridle_mine", prices=own)
    priced = price(provider, "m", Usage(1_000_000, 100_000, cache_read_tokens=500_000))
    assert (priced.amount, priced.source) == (Decimal("2.5"), "own price of mine")
    assert price(provider, "another", Usage(5, 5)).amount == 0


def test_a_price_of_ones_own_counts_under_the_name_that_was_asked_for_too() -> None:
    """OpenAI answers `gpt-4o` with a dated name, which the list knows; the own price was reserved."""
    own = {"gpt-4o": ModelPrice(input_mtok=Decimal(100), output_mtok=Decimal(100))}
    usage, dated = Usage(1_000_000, 0), "gpt-4o-2024-08-06"
    assert price(Provider("openai", {}, key="", prices=own), dated, usage, asked="gpt-4o").amount == 100
    listed = price(Provider("openai", {}, key=""), "nobody-knows", usage, asked="gpt-4o")
    assert listed.amount == price(Provider("openai", {}, key=""), dated, usage).amount == Decimal("2.5")


def test_usage_that_contradicts_itself_gives_no_budget_back_by_an_own_price_either() -> None:
    own = {"m": ModelPrice(input_mtok=Decimal(5), output_mtok=Decimal(5), cache_read_mtok=Decimal("0.05"))}
    beside = Usage(100, 10, cache_read_tokens=100_000)
    assert price(Provider("mine", {}, key="", prices=own), "m", beside).amount is None


def test_a_dollar_limit_needs_a_price_and_the_message_says_how_to_give_one() -> None:
    require_price(ANTHROPIC, "claude-haiku-4-5")
    with pytest.raises(ConfigError, match=r"mine: \{prices: \{kimi-x: \{input_mtok"):
        require_price(Provider("mine", {}, key="", connection="bridle_mine"), "kimi-x")


def test_the_bound_is_a_token_a_byte_and_the_longest_answer() -> None:
    raw = b"x" * 400
    bound = Estimator(ANTHROPIC).bound(
        "anthropic-messages", raw, {"model": "claude-haiku-4-5", "max_tokens": 50}
    )
    assert bound.tokens == 450
    assert bound.usd == Decimal("0.00075")  # all of the input written to the cache


def test_an_answer_without_a_limit_is_bounded_all_the_same() -> None:
    estimator = Estimator(ANTHROPIC)
    assert estimator.bound("openai-chat", b"x", {"model": "m"}).tokens == 1 + UNSTATED_OUTPUT_TOKENS
    asked = {"model": "m", "max_completion_tokens": 10, "n": 3}
    assert estimator.bound("openai-chat", b"x", asked).tokens == 31


def test_what_the_provider_counted_once_is_not_guessed_again() -> None:
    estimator = Estimator(ANTHROPIC)
    body = {"model": "m", "max_tokens": 10}
    estimator.learn("m", b"x" * 4000, Usage(1000, 10))
    assert estimator.bound("anthropic-messages", b"x" * 4100, body).tokens == 1110
    assert estimator.bound("anthropic-messages", b"x" * 300, body).tokens == 310
    assert estimator.bound("anthropic-messages", b"x" * 4100, body | {"model": "n"}).tokens == 4110


def test_what_a_conversation_adds_counts_a_token_a_byte_wherever_it_is_added() -> None:
    estimator = Estimator(ANTHROPIC)
    said, rest = b'{"messages": ["' + b"one " * 1000, b'"], "tools": ["' + b"many " * 1000 + b'"]}'
    estimator.learn("m", said + rest, Usage(2100, 10))
    more = said + b'", "two' + rest
    assert (
        estimator.bound("anthropic-messages", more, {"model": "m", "max_tokens": 10}).tokens == 2100 + 7 + 10
    )


def test_a_dense_text_after_an_empty_one_of_its_size_is_bounded_by_its_bytes() -> None:
    """The size of what was counted says nothing about another text: blanks cost next to nothing."""
    estimator = Estimator(ANTHROPIC)
    body = {"model": "m", "max_tokens": 10}
    estimator.learn("m", b'{"messages": ["' + b" " * 90_000 + b'"]}', Usage(300, 10))
    dense = b'{"messages": ["' + bytes(range(33, 123)) * 1000 + b'"]}'
    assert estimator.bound("anthropic-messages", dense, body).tokens >= 90_000


def test_a_bound_without_a_price_is_tokens_only() -> None:
    assert Estimator(ANTHROPIC).bound("anthropic-messages", b"x", {"model": "nobody-knows"}).usd is None
