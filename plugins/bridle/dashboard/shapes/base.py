"""What all shapes share."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from bridle.ledger import records

Money = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount.normalize():f}", return_type=str)]
"""US dollars as a decimal string without an exponent, such as `"0.0125"`."""

Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""A point in time, sent in UTC: `2026-01-31T12:00:00Z`."""


class Shape(BaseModel):
    """Something that an endpoint answers."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, from_attributes=True)


class Totals(Shape):
    """What model calls came to, each counted once."""

    calls: int
    """Model calls."""
    tokens: int
    """Input and output together."""
    input_tokens: int
    """Cache reads and writes included."""
    output_tokens: int
    """Reasoning included."""
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: Money | None
    """US dollars; null as soon as one call's cost is unknown: shown as "unknown", never as 0."""
    known_usd: Money
    """US dollars of those calls whose cost is known."""
    unknown_calls: int
    """Calls whose cost is unknown, those under way included."""

    @classmethod
    def of(cls, totals: records.Totals) -> "Totals":
        """The ledger's totals."""
        usage = totals.usage
        return cls(
            calls=totals.calls,
            tokens=usage.total,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost_usd=totals.cost_usd,
            known_usd=totals.known_usd,
            unknown_calls=totals.unknown_calls,
        )


class Share(Shape):
    """A ratio with what it was made of, so that it can be checked."""

    numerator: int
    denominator: int
    value: float | None
    """Numerator by denominator; null when there was nothing to divide by."""

    @classmethod
    def of(cls, numerator: int, denominator: int) -> "Share":
        """The share of one in the other."""
        value = numerator / denominator if denominator else None
        return cls(numerator=numerator, denominator=denominator, value=value)


def moment(text: datetime | None) -> datetime | None:
    """A time from a query, in UTC when it names no zone."""
    return text if text is None or text.tzinfo else text.replace(tzinfo=UTC)
