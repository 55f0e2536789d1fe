"""The most that a call can use, known before it is made: what makes a cap a cap."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridle.agents.base import Dialect
from bridle.gateway.pricing import price
from bridle.gateway.providers import Provider
from bridle.ledger.records import Usage

UNSTATED_OUTPUT_TOKENS = 32_768
"""Assumed of a request that sets no limit on its answer. It is not given this one: many models and servers
refuse a limit above their own, and nothing tells which have less."""
RESPONSES_OUTPUT_TOKENS = 16_000
"""The limit that a request in the Responses dialect is given when it sets none; Codex never does."""


@dataclass(frozen=True)
class Estimate:
    """An upper bound."""

    tokens: int
    usd: Decimal | None
    """None: nobody knows what the model costs."""


class Estimator:
    """Bounds the calls of one session.

    No tokenizer makes more tokens than there are bytes. A conversation sends all of itself with every call,
    so what the provider counted for the call before is known: only bytes that this call does not share with
    it, at its beginning or its end, count one for one. The size alone would say nothing: a dense text may
    come after an empty one.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._counted: dict[str, tuple[bytes, int]] = {}

    def bound(self, dialect: Dialect, raw: bytes, body: dict[str, Any]) -> Estimate:
        """The bound for a request, given as it came and as JSON."""
        model = str(body.get("model", ""))
        before, counted = self._counted.get(model, (b"", 0))
        input_tokens = min(len(raw), counted + len(raw) - _shared(before, raw))
        output_tokens = _most_output(dialect, body)
        # all of it may be written to a cache, which costs more than plain input, and for an hour most of all
        written = input_tokens if dialect == "anthropic-messages" else 0
        hour = written if b'"1h"' in raw else 0
        most = Usage(input_tokens, output_tokens, cache_write_tokens=written)
        usd = price(self._provider, model, most, hour_cache_writes=hour).amount
        return Estimate(input_tokens + output_tokens, usd)

    def learn(self, model: str, raw: bytes, usage: Usage) -> None:
        """Remember what the provider counted for a request."""
        self._counted[model] = (raw, usage.input_tokens)


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common at the beginning and the end together."""
    begin = _alike(one, other)
    return begin + _alike(one[begin:][::-1], other[begin:][::-1])


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common at the beginning; each is looked at about once."""
    known, most = 0, min(len(one), len(other))
    while known < most:
        middle = (known + most + 1) // 2
        if one[known:middle] == other[known:middle]:
            known = middle
        else:
            most = middle - 1
    return known


def _most_output(dialect: Dialect, body: dict[str, Any]) -> int:
    stated = [body.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    limits = [value for value in stated if value is not None]
    unstated = RESPONSES_OUTPUT_TOKENS if dialect == "openai-responses" else UNSTATED_OUTPUT_TOKENS
    return max(limits, default=unstated) * (body.get("n") or 1)
