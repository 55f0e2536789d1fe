"""Numbers that say how a session went: counted from its rows, the same for everybody, without a model."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bridle.dashboard.shapes.session import Grader
from bridle.ledger.queries import CallRow
from bridle.ledger.records import EventRow

READING = {"read", "view", "notebookread", "read_file", "open"}
"""Tools that read one file, in small letters."""


def grade(events: Sequence[EventRow], calls: Sequence[CallRow]) -> list[Grader]:
    """All of them."""
    tools = [row.payload for row in events if row.kind == "tool_call"]
    results = [row.payload for row in events if row.kind == "tool_result"]
    return [
        loops(tools),
        context_growth(calls),
        working_set_rebuild_factor(tools),
        tool_success_rate(results),
    ]


def loops(tools: Sequence[Mapping[str, Any]]) -> Grader:
    """How much of its work a session did again: calls of a tool with an input that it was given before."""
    seen: set[str] = set()
    again = 0
    for call in tools:
        what = json.dumps([call.get("tool"), call.get("input")], sort_keys=True, default=str)
        again += what in seen
        seen.add(what)
    return _grader("loops", again, len(tools), "tool calls with an input used before, among all tool calls")


def context_growth(calls: Sequence[CallRow]) -> Grader:
    """How much larger the last request was than the first: context that piles up is paid for at each call."""
    sent = [call.request_bytes for call in calls if call.request_bytes]
    first, last = (sent[0], sent[-1]) if sent else (0, 0)
    return _grader("context_growth", last, first, "bytes of the last request by bytes of the first")


def working_set_rebuild_factor(tools: Sequence[Mapping[str, Any]]) -> Grader:
    """How often a session read the average file that it worked with: 1.0 is once each."""
    paths = [path for call in tools if (path := _read_path(call))]
    meaning = "reads of files by distinct files read"
    return _grader("working_set_rebuild_factor", len(paths), len(set(paths)), meaning)


def tool_success_rate(results: Sequence[Mapping[str, Any]]) -> Grader:
    """How many of its tool calls worked."""
    ok = sum(bool(result.get("ok", True)) for result in results)
    return _grader("tool_success_rate", ok, len(results), "tool results that are no error, among all")


def _read_path(call: Mapping[str, Any]) -> str:
    given = call.get("input")
    if str(call.get("tool", "")).lower() not in READING or not isinstance(given, Mapping):
        return ""
    return str(given.get("file_path") or given.get("path") or "")


def _grader(name: str, numerator: int, denominator: int, meaning: str) -> Grader:
    value = numerator / denominator if denominator else None
    return Grader(name=name, numerator=numerator, denominator=denominator, value=value, meaning=meaning)
