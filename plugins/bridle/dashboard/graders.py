"""Numbers that say how a session went: counted from its rows, the same for everybody, without a model."""

from collections.abc import Mapping, Sequence

from bridle.dashboard.shapes.session import Grader
from bridle.ledger.queries import CallRow


def grade(tools: Mapping[str, int], calls: Sequence[CallRow]) -> list[Grader]:
    """All of them.

    Args:
        tools: the row of `bridle.ledger.tool_use`.
        calls: the session's model calls in order.
    """
    return [
        loops(tools),
        context_growth(calls),
        working_set_rebuild_factor(tools),
        tool_success_rate(tools),
    ]


def loops(tools: Mapping[str, int]) -> Grader:
    """How much of its work a session did again: calls of a tool with an input that it was given before."""
    again = tools["calls"] - tools["distinct_calls"]
    return _grader(
        "loops", again, tools["calls"], "tool calls with an input used before, among all tool calls"
    )


def context_growth(calls: Sequence[CallRow]) -> Grader:
    """How much larger the last request was than the first: context that piles up is paid for at each call."""
    sent = [call.request_bytes for call in calls if call.request_bytes]
    first, last = (sent[0], sent[-1]) if sent else (0, 0)
    return _grader("context_growth", last, first, "bytes of the last request by bytes of the first")


def working_set_rebuild_factor(tools: Mapping[str, int]) -> Grader:
    """How often a session read the average file that it worked with: 1.0 is once each."""
    meaning = "reads of files by distinct files read"
    return _grader("working_set_rebuild_factor", tools["reads"], tools["files"], meaning)


def tool_success_rate(tools: Mapping[str, int]) -> Grader:
    """How many of its tool calls worked, of those that said so."""
    meaning = "tool results that are no error, among all"
    return _grader("tool_success_rate", tools["good"], tools["results"], meaning)


def _grader(name: str, numerator: int, denominator: int, meaning: str) -> Grader:
    value = numerator / denominator if denominator else None
    return Grader(name=name, numerator=numerator, denominator=denominator, value=value, meaning=meaning)
