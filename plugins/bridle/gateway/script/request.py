"""What a scripted model needs to know of a request, read out of either dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.agents.base import Dialect
from bridle.gateway.script.tools import Offered


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

    @classmethod
    def read(cls, dialect: Dialect, body: Mapping[str, Any], size: int) -> "Asked":
        """Read a request body that is known to be a JSON object."""
        messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
        anthropic = dialect == "anthropic-messages"
        return cls(
            dialect=dialect,
            model=str(body.get("model", "")),
            stream=bool(body.get("stream")),
            stream_usage=anthropic or bool((body.get("stream_options") or {}).get("include_usage")),
            turn=sum(message.get("role") == "assistant" for message in messages),
            tools=_anthropic_tools(body) if anthropic else _openai_tools(body),
            size=size,
        )


def _anthropic_tools(body: Mapping[str, Any]) -> Offered:
    return {tool["name"]: tool.get("input_schema") or {} for tool in body.get("tools") or ()}


def _openai_tools(body: Mapping[str, Any]) -> Offered:
    functions = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    return {function["name"]: function.get("parameters") or {} for function in functions}
