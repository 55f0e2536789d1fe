"""What a step hands to the next ones: at most 1.5 KB, everything larger by reference."""

import json
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridle.errors import ConfigError

XCOM_LIMIT = 1536
"""Bytes of all values of one step result together, as JSON; with its task's links it stays below 2 KB."""

INLINE_LIMIT = 1024
"""Bytes of `result` that travel inline; a larger one becomes a reference to a ledger artifact."""


class StepResult(BaseModel):
    """The compact state that travels in XCom, one key per field."""

    model_config = ConfigDict(frozen=True)

    outcome: str = "done"
    """`done`; of an approval `approve` or `reject`."""
    session_id: str | None = None
    """The last session of the step; the way into the ledger."""
    commit: str | None = None
    """Where the code stands after this step; None when it changed nothing and was given none."""
    base: str | None = None
    """The commit that the step started from."""
    summary: str = Field(default="", max_length=500)
    """One or two sentences for people."""
    result: Any = None
    """The structured output, inline or as `{"artifact": …, "bytes": …}`."""
    checks: dict[str, bool] = Field(default_factory=dict)
    """Name of each check that ran last, and whether it passed."""
    tokens: int = 0
    """Input and output tokens of all sessions of this step."""
    cost_usd: Decimal | None = Decimal(0)
    """US dollars of all sessions of this step; None when a price is unknown."""
    rounds: int = 0
    """How many rounds the step took."""

    def xcom(self) -> dict[str, Any]:
        """The values to push, by key.

        Raises:
            ConfigError: together they exceed `XCOM_LIMIT`.
        """
        values: dict[str, Any] = self.model_dump(mode="json")
        spare = XCOM_LIMIT - _size(values | {"summary": ""})
        values["summary"] = _cut(self.summary, spare)
        size = _size(values)
        if size > XCOM_LIMIT:
            largest = max(values, key=lambda key: _size(values[key]))
            raise ConfigError(
                f"step result is {size} bytes, over {XCOM_LIMIT}; the largest part is {largest!r}"
            )
        return values


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _cut(text: str, size: int) -> str:
    """The beginning of `text` that takes no more than `size` bytes as JSON."""
    while text and _size(text) - 2 > size:
        text = text[: min(len(text) - 1, max(0, size))]
    return text
