"""A turn of the script as an answer, as one JSON document and as a stream: Anthropic's, and OpenAI's chat.

`responses` words it in OpenAI's newer dialect.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha512
from typing import Any
from uuid import uuid4

from bridle.gateway.script.document import Reported, Turn
from bridle.gateway.script.request import Asked
from bridle.gateway.script.tools import ToolCall, call_for, final_tool

_PIECE = 40
"""Characters in one delta of a stream."""


@dataclass(frozen=True)
class Answer:
    """What the model says, in no dialect yet."""

    model: str
    text: str
    calls: tuple[ToolCall, ...]
    usage: Reported
    reasoning: str = ""

    @classmethod
    def to(cls, asked: Asked, turn: Turn, workdir: str | None) -> "Answer":
        """The answer of `turn` to this request.

        Raises:
            ScriptMismatch: the request offers no tool for one of the turn's operations.
        """
        calls = [call_for(op, asked.tools, workdir) for op in turn.ops]
        text = turn.text
        if turn.output is not None:
            final = final_tool(asked.tools)
            if final:
                calls.append(ToolCall(final, turn.output))
            else:
                text = json.dumps(turn.output)
        said = len(text.encode()) + sum(len(json.dumps(call.arguments)) for call in calls)
        thought = -(-len(turn.reasoning.encode()) // 4)
        usage = turn.usage or Reported(
            input_tokens=-(-asked.size // 4),
            output_tokens=max(1, -(-said // 4) + thought),
            reasoning_tokens=0 if asked.dialect == "anthropic-messages" else thought,
        )
        return cls(asked.model, text, tuple(calls), usage, turn.reasoning)

    @property
    def seal(self) -> str:
        """What a provider gives along with its reasoning, and wants to see again with it."""
        return b64encode(sha512(self.reasoning.encode()).digest() * 3).decode()


def anthropic_message(answer: Answer) -> dict[str, Any]:
    """A Messages API answer."""
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": answer.seal})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    content += [
        {"type": "tool_use", "id": f"toolu_{uuid4().hex}", "name": call.name, "input": call.arguments}
        for call in answer.calls
    ]
    return {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": "tool_use" if answer.calls else "end_turn",
        "stop_sequence": None,
        "usage": _anthropic_usage(answer.usage),
    }


def anthropic_events(answer: Answer) -> Iterator[bytes]:
    """The same as a stream of server-sent events."""
    message = anthropic_message(answer)
    start = message | {"content": [], "stop_reason": None, "usage": message["usage"] | {"output_tokens": 1}}
    yield event("message_start", message=start)
    yield event("ping")
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            opened, said = {"type": "text", "text": ""}, block["text"]
            kind, key = "text_delta", "text"
        elif block["type"] == "thinking":
            opened, said = {"type": "thinking", "thinking": "", "signature": ""}, block["thinking"]
            kind, key = "thinking_delta", "thinking"
        else:
            opened, said = block | {"input": {}}, json.dumps(block["input"])
            kind, key = "input_json_delta", "partial_json"
        yield event("content_block_start", index=index, content_block=opened)
        for piece in pieces(said):
            yield event("content_block_delta", index=index, delta={"type": kind, key: piece})
        if block["type"] == "thinking":
            sealed = {"type": "signature_delta", "signature": block["signature"]}
            yield event("content_block_delta", index=index, delta=sealed)
        yield event("content_block_stop", index=index)
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=end, usage={"output_tokens": answer.usage.output_tokens})
    yield event("message_stop")


def openai_completion(answer: Answer) -> dict[str, Any]:
    """A Chat Completions answer."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [_openai_call(call) for call in answer.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return _openai_head(answer, "chat.completion") | {
        "choices": [choice],
        "usage": _openai_usage(answer.usage),
    }


def openai_chunks(answer: Answer, *, with_usage: bool) -> Iterator[bytes]:
    """The same as a stream; `with_usage` when the client asked for it with `stream_options`."""
    head = _openai_head(answer, "chat.completion.chunk") | ({"usage": None} if with_usage else {})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data(head | {"choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(answer.reasoning):
        yield chunk({"reasoning_content": piece})
    for piece in pieces(answer.text):
        yield chunk({"content": piece})
    for index, call in enumerate(answer.calls):
        opened = _openai_call(call)
        arguments = opened["function"]["arguments"]
        opened["function"] = {"name": call.name, "arguments": ""}
        yield chunk({"tool_calls": [opened | {"index": index}]})
        for piece in pieces(arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(answer))
    if with_usage:
        yield _data(head | {"choices": [], "usage": _openai_usage(answer.usage)})
    yield b"data: [DONE]\n\n"


def _anthropic_usage(usage: Reported) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
    }


def _openai_usage(usage: Reported) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _openai_head(answer: Answer, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": 0, "model": answer.model}


def _openai_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"call_{uuid4().hex}", "type": "function", "function": function}


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def pieces(text: str) -> Iterator[str]:
    """A text as a stream sends it."""
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()


def _data(fields: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()
