"""Numbers that say how a session went: counted from its rows, the same for everybody, without a model.

Names and formulas are those of the graders of GitHub Agentic Workflows.
"""

from collections.abc import Mapping, Sequence

from bridle.dashboard.shapes.session import Grader
from bridle.ledger.queries import CallRow
from bridle.ledger.records import Usage


def grade(tools: Mapping[str, int], calls: Sequence[CallRow]) -> list[Grader]:
    """All of them.

    Args:
        tools: the row of `bridle.ledger.tool_use`.
        calls: the session's model calls in order; those of unknown usage count in none.
    """
    used = [call.usage for call in calls if call.usage is not None and call.usage.input_tokens]
    return [
        loops(tools),
        context_growth(used),
        working_set_rebuild_factor(used),
        tool_success_rate(tools),
    ]


def loops(tools: Mapping[str, int]) -> Grader:
    """How much of its work a session did over again: more than a few in a row, and it is stuck."""
    meaning = "tool calls that were the same as the one right before, among all"
    return _grader("loops", tools["repeated"], tools["calls"], meaning)


def context_growth(used: Sequence[Usage]) -> Grader:
    """What all calls came to by what the first one was given: context that piles up is paid for each time."""
    first = used[0].input_tokens if used else 0
    meaning = "tokens of all model calls by those of the first request"
    return _grader("context_growth", sum(each.total for each in used), first, meaning)


def working_set_rebuild_factor(used: Sequence[Usage]) -> Grader:
    """How often the largest context was read: a session of many turns reads the same again and again."""
    sent = [each.input_tokens for each in used]
    meaning = "input tokens of all model calls by those of the largest one"
    return _grader("working_set_rebuild_factor", sum(sent), max(sent, default=0), meaning)


def tool_success_rate(tools: Mapping[str, int]) -> Grader:
    """How many of its tool calls worked, of those that said so."""
    meaning = "tool results that are no error, among all"
    return _grader("tool_success_rate", tools["good"], tools["results"], meaning)


def _grader(name: str, numerator: int, denominator: int, meaning: str) -> Grader:
    value = numerator / denominator if denominator else None
    return Grader(name=name, numerator=numerator, denominator=denominator, value=value, meaning=meaning)
