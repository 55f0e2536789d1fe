"""What every agent makes of a stream that breaks: it asks again, and nothing is done twice."""

import pytest

from bridle.agents import AGENTS, get
from bridle.agents.base import EventKind, Outcome
from bridle.gateway.budget import MemoryMeter

every_agent = pytest.mark.parametrize(
    ("agent", "dialect"), [(name, get(name).supports.dialects[0]) for name in sorted(AGENTS)]
)


@every_agent
def test_a_broken_answer_is_asked_for_again_as_a_call_of_its_own_and_its_edit_is_made_once(
    stage, agent, dialect
):
    """The half of a tool call that arrived is not put together with the answer to the next request.

    A text that came whole before the cut is another matter: Claude Code may keep it and ask for what follows.
    """
    meter = MemoryMeter()
    edit = {"op": "edit", "path": "calc.py", "old": "a - b", "new": "a - b - b"}
    look = {"op": "read", "path": "calc.py"}
    stage.script(
        {"text": "I look.", "ops": [look]},
        {"ops": [edit], "fail": ["cut", "cut"]},
        {"text": "Changed it."},
        meter=meter,
    )
    done = stage.run(stage.spec(agent, dialect))
    assert done.result.outcome is Outcome.DONE, done.result.reason
    assert (stage.work / "calc.py").read_text() == "def add(a, b):\n    return a - b - b\n"
    tools = [call["tool"] for call in stage.of(EventKind.TOOL_CALL)]
    assert len(tools) == 2, tools
    assert [settled.status for settled in meter.settled] == ["ok", "cut", "cut", "ok", "ok"]


@every_agent
def test_a_provider_that_always_breaks_off_is_worth_another_try_of_the_task(stage, agent, dialect):
    meter = MemoryMeter()
    stage.script({"text": "never to its end", "cut": True}, meter=meter)
    done = stage.run(stage.spec(agent, dialect))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.retryable, done.result.reason
    assert {settled.status for settled in meter.settled} == {"cut"}
    assert len(meter.settled) == len(meter.calls) == len(stage.requests())
