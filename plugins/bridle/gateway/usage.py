"""What an answer says about its own size, read on the side while it passes through."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bridle.agents.base import Dialect
from bridle.ledger.records import Usage

_CHARACTERS_PER_TOKEN = 3
"""Assumed, on the high side, of what was seen of an answer that broke off."""
_NOT_SAID = frozenset({"type", "signature"})
"""Parts of a delta that are no output."""
_MOST = 10**12
"""Beyond any count; the ledger's columns end somewhere too."""


@dataclass(frozen=True)
class Reading:
    """What is known of one answer."""

    usage: Usage | None
    """None: it did not say, or not yet."""
    model: str | None
    hour_cache_writes: int = 0
    """Of the cache writes, those kept for an hour."""


class UsageReader(Protocol):
    """Reads a stream of server-sent events."""

    finished: bool
    """The answer's last event was seen."""
    error: str
    """What an error in the middle of the stream said; empty: there was none."""

    @property
    def whole(self) -> bool:
        """The answer's end was seen, also where a provider of this dialect sends no last event."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        ...

    def reading(self) -> Reading:
        """What is known so far."""
        ...


def read_answer(dialect: Dialect, body: bytes) -> Reading:
    """The reading of an answer that came in one piece."""
    try:
        answer = json.loads(body)
    except ValueError:
        return Reading(None, None)
    if not isinstance(answer, dict) or not isinstance(answer.get("usage"), dict):
        return Reading(None, None)
    model = _name(answer.get("model"))
    if dialect == "anthropic-messages":
        return _anthropic(answer["usage"], model)
    usage = _responses if dialect == "openai-responses" else _openai
    return Reading(usage(answer["usage"]), model)


def reader_for(dialect: Dialect) -> UsageReader:
    """A reader for a streamed answer."""
    match dialect:
        case "anthropic-messages":
            return AnthropicReader()
        case "openai-responses":
            return ResponsesReader()
        case "openai-chat":
            return OpenAIReader()


class _Events(ABC):
    """Cuts a stream into the JSON of its `data:` lines."""

    def __init__(self) -> None:
        self.finished = False
        self.error = ""
        self._closed = False
        self._rest = b""

    @property
    def whole(self) -> bool:
        """The answer's end was seen."""
        return self.finished or self._closed

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._data(line[5:].strip())

    def _data(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.finished = True
            return
        try:
            event = json.loads(data)
        except ValueError:
            return  # not ours to judge: it is passed on as it came
        if isinstance(event, dict):
            if isinstance(event.get("error"), dict):
                self.error = str(event["error"].get("message") or "an error without a message")
            self._event(event)

    @abstractmethod
    def _event(self, event: dict[str, Any]) -> None:
        """Take one event of the stream."""


class AnthropicReader(_Events):
    """Messages API: the input is told at the start, the output at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: dict[str, Any] = {}
        self._model: str | None = None
        self._said = 0

    def _event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message_start":
            message = _object(event.get("message"))
            self._usage, self._model = dict(_object(message.get("usage"))), _name(message.get("model"))
        elif kind == "content_block_delta":
            self._said += _characters(event.get("delta"))
        elif kind == "message_delta":
            told = _object(event.get("usage"))
            self._usage |= {
                name: _larger(self._usage.get(name), value)
                for name, value in told.items()
                if value is not None
            }
        elif kind == "message_stop":
            self.finished = True

    def reading(self) -> Reading:
        if not self._usage:
            return Reading(None, self._model)
        if not self.finished:
            counted = _count(self._usage.get("output_tokens")) or 0
            heard = max(counted, -(-self._said // _CHARACTERS_PER_TOKEN))
            return _anthropic(self._usage | {"output_tokens": heard}, self._model)
        return _anthropic(self._usage, self._model)


class OpenAIReader(_Events):
    """Chat Completions: everything is told in the last chunk, when it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: Usage | None = None
        self._model: str | None = None

    def _event(self, event: dict[str, Any]) -> None:
        self._model = _name(event.get("model")) or self._model
        told = event.get("choices")
        choices = [choice for choice in told if isinstance(choice, dict)] if isinstance(told, list) else []
        self._closed |= any(choice.get("finish_reason") for choice in choices)
        # Moonshot tells it inside of its last choice
        for usage in (event.get("usage"), *(choice.get("usage") for choice in choices)):
            if isinstance(usage, dict):
                self._usage = _openai(usage)
                break

    def reading(self) -> Reading:
        return Reading(self._usage, self._model)


class ResponsesReader(_Events):
    """Responses API: everything is told in the last event, which says how the answer ended."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: Usage | None = None
        self._model: str | None = None

    def _event(self, event: dict[str, Any]) -> None:
        response = event.get("response")
        if not isinstance(response, dict):
            return
        self._model = _name(response.get("model")) or self._model
        if event.get("type") in ("response.completed", "response.incomplete", "response.failed"):
            self.finished = True
            if isinstance(response.get("error"), dict):
                self.error = str(response["error"].get("message") or "an error without a message")
            if isinstance(response.get("usage"), dict):
                self._usage = _responses(response["usage"])

    def reading(self) -> Reading:
        return Reading(self._usage, self._model)


def _anthropic(usage: dict[str, Any], model: str | None) -> Reading:
    counted = _usage(
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        usage.get("cache_read_input_tokens"),
        usage.get("cache_creation_input_tokens"),
        _object(usage.get("output_tokens_details")).get("thinking_tokens"),
    )
    if counted is not None:  # this dialect tells the cached ones beside the others
        cached = counted.cache_read_tokens + counted.cache_write_tokens
        counted = replace(counted, input_tokens=counted.input_tokens + cached)
    hour = _count(_object(usage.get("cache_creation")).get("ephemeral_1h_input_tokens"))
    return Reading(counted, model, hour or 0)


def _openai(usage: dict[str, Any]) -> Usage | None:
    told = _object(usage.get("prompt_tokens_details"))
    return _usage(
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        # Moonshot and DeepSeek tell it at the top
        told.get("cached_tokens") or usage.get("cached_tokens") or usage.get("prompt_cache_hit_tokens"),
        told.get("cache_write_tokens"),
        _object(usage.get("completion_tokens_details")).get("reasoning_tokens"),
    )


def _responses(usage: dict[str, Any]) -> Usage | None:
    told = _object(usage.get("input_tokens_details"))
    return _usage(
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        told.get("cached_tokens"),
        told.get("cache_write_tokens"),
        _object(usage.get("output_tokens_details")).get("reasoning_tokens"),
    )


def _usage(*told: object) -> Usage | None:
    """The counts in the order of `Usage`; None when one of them is no count: then nobody knows."""
    counts = [_count(value) for value in told]
    known = [count for count in counts if count is not None]
    return Usage(*known) if len(known) == len(counts) else None


def _count(value: object) -> int | None:
    """A number of tokens, zero when it was not told; None when what was told is none."""
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= _MOST else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _larger(known: Any, told: Any) -> Any:
    """The newer of two values; counts only grow, and some endpoints begin again at zero."""
    if isinstance(known, int) and isinstance(told, int):
        return max(known, told)
    return told


def _characters(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_characters(part) for name, part in value.items() if name not in _NOT_SAID)
    return len(value) if isinstance(value, str) else 0
