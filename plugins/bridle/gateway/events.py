"""Server-sent events as plain data: what a stream says, without how it was cut into pieces."""

import json
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

Said = dict[str, Any]
"""One event: `data`, as JSON or as the text that it is, and `event`, its name, where it has one."""

_Piece = tuple[Hashable, dict[str, Any], str]
"""What a piece is a piece of, what holds its text, and under which key."""


def parse(stream: bytes) -> Iterator[Said]:
    """The events of a stream; comments and an unfinished last one are left out."""
    said: Said = {}
    for line in stream.decode("utf-8", "replace").split("\n")[:-1]:
        text = line.removesuffix("\r")
        if text.startswith("data:"):
            said["data"] = said.get("data", "") + text[5:].lstrip()
        elif text.startswith("event:"):
            said["event"] = text[6:].strip()
        elif not text and "data" in said:
            yield {**said, "data": _loaded(said["data"])}
            said = {}


def merged(events: Iterable[Said]) -> list[Said]:
    """The same with every run of small pieces as one: a path that was cut in two is whole again."""
    kept: list[Said] = []
    holding: _Piece | None = None
    for event in events:
        piece = _piece(event["data"])
        if piece is None or holding is None or piece[0] != holding[0]:
            kept.append(event)
            holding = piece
            continue
        _, holder, field = holding
        holder[field] += piece[1][piece[2]]
    return kept


def written(events: Iterable[Said]) -> Iterator[bytes]:
    """The events as they go over the wire."""
    for event in events:
        data = event["data"] if isinstance(event["data"], str) else json.dumps(event["data"])
        name = f"event: {event['event']}\n" if "event" in event else ""
        yield f"{name}data: {data}\n\n".encode()


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _piece(data: Any) -> _Piece | None:
    """What a piece is a piece of, and where its text is; None: it is no piece."""
    if not isinstance(data, dict):
        return None
    if data.get("type") == "content_block_delta":
        return _anthropic(data)
    if isinstance(data.get("delta"), str):
        place = (data.get("item_id"), data.get("output_index"), data.get("content_index"))
        return (data.get("type"), place), data, "delta"
    return _chat(data)


def _anthropic(data: dict[str, Any]) -> _Piece | None:
    delta = data.get("delta") or {}
    for field in ("text", "partial_json", "thinking"):
        if delta.keys() == {"type", field}:
            return (data.get("index"), field), delta, field
    return None


def _chat(data: dict[str, Any]) -> _Piece | None:
    choices = data.get("choices") or []
    if len(choices) != 1 or choices[0].get("finish_reason") or data.get("usage"):
        return None
    delta, at = choices[0].get("delta") or {}, choices[0].get("index")
    for field in ("content", "reasoning_content", "reasoning"):
        if delta.keys() == {field} and isinstance(delta[field], str):
            return (at, field), delta, field
    calls = delta.get("tool_calls") or []
    if delta.keys() == {"tool_calls"} and len(calls) == 1 and calls[0].keys() == {"index", "function"}:
        function = calls[0]["function"]
        if function.keys() == {"arguments"}:
            return (at, calls[0]["index"], "arguments"), function, "arguments"
    return None
