"""A turn of the script as an answer of OpenAI's Responses API: as one JSON document, and as a stream."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

from bridle.gateway.script.answer import Answer, event, pieces
from bridle.gateway.script.document import Reported
from bridle.gateway.script.tools import ToolCall


def response(answer: Answer) -> dict[str, Any]:
    """A Responses API answer."""
    return _head(answer) | {"status": "completed", "output": _output(answer), "usage": _usage(answer.usage)}


def response_events(answer: Answer) -> Iterator[bytes]:
    """The same as a stream of server-sent events."""
    numbers = count()
    whole = response(answer)
    begun = whole | {"status": "in_progress", "output": [], "usage": None}

    def told(kind: str, **fields: Any) -> bytes:
        return event(f"response.{kind}", sequence_number=next(numbers), **fields)

    yield told("created", response=begun)
    yield told("in_progress", response=begun)
    for index, item in enumerate(whole["output"]):
        at = {"item_id": item["id"], "output_index": index}
        yield told("output_item.added", output_index=index, item=_opened(item))
        if item["type"] == "message":
            part = item["content"][0]
            at |= {"content_index": 0}
            yield told("content_part.added", **at, part=part | {"text": ""})
            for piece in pieces(part["text"]):
                yield told("output_text.delta", **at, delta=piece, logprobs=[])
            yield told("output_text.done", **at, text=part["text"], logprobs=[])
            yield told("content_part.done", **at, part=part)
        elif item["type"] == "reasoning":
            part = item["summary"][0]
            at |= {"summary_index": 0}
            yield told("reasoning_summary_part.added", **at, part=part | {"text": ""})
            for piece in pieces(part["text"]):
                yield told("reasoning_summary_text.delta", **at, delta=piece)
            yield told("reasoning_summary_text.done", **at, text=part["text"])
            yield told("reasoning_summary_part.done", **at, part=part)
        else:
            custom = item["type"] == "custom_tool_call"
            name, field = ("custom_tool_call_input", "input") if custom else (_ARGUMENTS, "arguments")
            for piece in pieces(item[field]):
                yield told(f"{name}.delta", **at, delta=piece)
            yield told(f"{name}.done", **at, **{field: item[field]})
        yield told("output_item.done", output_index=index, item=item)
    yield told("completed", response=whole)


_ARGUMENTS = "function_call_arguments"


def _head(answer: Answer) -> dict[str, Any]:
    head = {"id": f"resp_{uuid4().hex}", "object": "response", "created_at": 0, "model": answer.model}
    settings = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}}
    return head | settings | {"error": None, "incomplete_details": None, "instructions": None}


def _output(answer: Answer) -> list[dict[str, Any]]:
    content = [{"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}]
    message = {"id": f"msg_{uuid4().hex}", "type": "message", "role": "assistant", "status": "completed"}
    said = [message | {"content": content}] if answer.text else []
    return [*_reasoning(answer), *said, *map(_call, answer.calls)]


def _reasoning(answer: Answer) -> list[dict[str, Any]]:
    if not answer.reasoning:
        return []
    summary = [{"type": "summary_text", "text": answer.reasoning}]
    item = {"id": f"rs_{uuid4().hex}", "type": "reasoning", "status": "completed", "summary": summary}
    return [item | {"encrypted_content": answer.seal}]


def _call(call: ToolCall) -> dict[str, Any]:
    named = {"call_id": f"call_{uuid4().hex}", "name": call.name, "status": "completed"}
    if isinstance(call.arguments, str):
        return {"id": f"ctc_{uuid4().hex}", "type": "custom_tool_call", "input": call.arguments, **named}
    arguments = json.dumps(call.arguments)
    return {"id": f"fc_{uuid4().hex}", "type": "function_call", "arguments": arguments, **named}


def _opened(item: dict[str, Any]) -> dict[str, Any]:
    """An item as it is announced, before anything of it has come."""
    empty: dict[str, Any] = {
        "content": [],
        "summary": [],
        "arguments": "",
        "input": "",
        "status": "in_progress",
    }
    return {name: empty.get(name, value) for name, value in item.items()}


def _usage(usage: Reported) -> dict[str, Any]:
    cached = {"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": cached,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
