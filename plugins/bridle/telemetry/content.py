"""Prompts, answers, arguments: what leaves the house only when it was asked for, and redacted."""

import json
from typing import Any

from bridle.guard.redact import Redactor
from bridle.ledger.door import Door
from bridle.telemetry.attributes import Attributes

CHARACTERS = 8_000
"""Of one text; viewers refuse larger ones, and the ledger has the whole."""

_FINISH = {"done": "stop", "limit": "length", "refused": "content_filter"}
"""A session's outcome to why its last message ended, as the conventions say it."""


class Content:
    """Says nothing unless it is `on`."""

    def __init__(self, redactor: Redactor, *, on: bool) -> None:
        self._door = Door(redactor)
        self._on = on

    def text(self, value: str) -> str | None:
        """A text; None: it is not to be sent."""
        return self._door.text(value, CHARACTERS) if self._on and value else None

    def json(self, value: Any) -> str | None:
        """Plain data, as JSON."""
        if not self._on or value is None:
            return None
        return json.dumps(self._door.json(value, CHARACTERS), ensure_ascii=False)

    def asked(self, prompt: str) -> Attributes:
        """What an agent was asked, as the conventions write messages."""
        return self._messages("gen_ai.input.messages", "user", prompt)

    def answered(self, summary: str, outcome: str) -> Attributes:
        """What an agent said at its end."""
        reason = _FINISH.get(outcome, "error")
        return self._messages("gen_ai.output.messages", "assistant", summary, finish_reason=reason)

    def _messages(self, name: str, role: str, text: str, **more: str) -> Attributes:
        said = self.text(text)
        if said is None:
            return {}
        return {name: json.dumps([{"role": role, "parts": [{"type": "text", "content": said}], **more}])}
