"""What a scripted model needs to know of a request, read out of any dialect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridle.agents.base import Dialect
from bridle.gateway.script.tools import Offered

_SETTINGS = ("max_tokens", "max_output_tokens", "reasoning", "reasoning_effort", "output_config", "thinking")


@dataclass(frozen=True)
class Asked:
    """One request, in no dialect."""

    dialect: Dialect
    model: str
    stream: bool
    stream_usage: bool
    """Whether a streamed answer ends with its usage."""
    turn: int
    """Assistant messages so far: the index of the turn that is wanted."""
    tools: Offered
    size: int
    """Bytes of the body."""
    settings: Mapping[str, Any]
    """What it asks of the answer's length and effort; for the journal."""

    @classmethod
    def read(cls, dialect: Dialect, body: Mapping[str, Any], size: int) -> "Asked":
        """Read a request body that is known to be a JSON object."""
        anthropic = dialect == "anthropic-messages"
        stated = body.get("stream_options") or {}
        return cls(
            dialect=dialect,
            model=str(body.get("model", "")),
            stream=bool(body.get("stream")),
            stream_usage=anthropic or bool(stated.get("include_usage")),
            turn=_answers(body) if dialect == "openai-responses" else _assistant_messages(body),
            tools=_TOOLS[dialect](body),
            size=size,
            settings={name: body[name] for name in _SETTINGS if name in body},
        )


def _assistant_messages(body: Mapping[str, Any]) -> int:
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    return sum(message.get("role") == "assistant" for message in messages)


def _answers(body: Mapping[str, Any]) -> int:
    """How many groups of items in a row are the model's own: each is what one answer left."""
    items = body.get("input")
    ours = [_by_model(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return sum(own and not before for before, own in zip([False, *ours], ours, strict=False))


def _by_model(item: Mapping[str, Any]) -> bool:
    kind = str(item.get("type", "message"))
    return item.get("role") == "assistant" or kind == "reasoning" or kind.endswith("_call")


def _anthropic_tools(body: Mapping[str, Any]) -> Offered:
    return {tool["name"]: tool.get("input_schema") or {} for tool in body.get("tools") or ()}


def _openai_tools(body: Mapping[str, Any]) -> Offered:
    functions = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    return {function["name"]: function.get("parameters") or {} for function in functions}


def _responses_tools(body: Mapping[str, Any]) -> Offered:
    tools = [tool for tool in body.get("tools") or () if "name" in tool]
    return {
        tool["name"]: None if tool.get("type") == "custom" else tool.get("parameters") or {} for tool in tools
    }


_TOOLS: Mapping[Dialect, Callable[[Mapping[str, Any]], Offered]] = {
    "anthropic-messages": _anthropic_tools,
    "openai-chat": _openai_tools,
    "openai-responses": _responses_tools,
}
