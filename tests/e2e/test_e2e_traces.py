"""One run is one trace: Bridle's spans below Airflow's own, as a real receiver gets them."""

import pytest
from e2e_processes import eventually
from e2e_stage import Stage
from e2e_world import World
from test_e2e_pull_request import HAPPY

from bridle.testing.trace_receiver import ReceivedSpan
from conventions import misnamed, own, strange_names

pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("stage", [HAPPY], indirect=True)]


def spans_of(stage: Stage, world: World) -> dict[str, ReceivedSpan]:
    """Span id to span, of the run's trace, once Airflow's scheduler and API server have sent theirs."""

    def complete() -> dict[str, ReceivedSpan]:
        every = world.receiver.spans()
        (trace,) = {s.trace_id for s in every if s.attributes.get("bridle.run") == stage.run.run_id}
        spans = {span.span_id: span for span in every if span.trace_id == trace}
        return spans if {span.parent_id for span in spans.values()} <= {"", *spans} else {}

    return eventually("every span has come", complete, 180)


def test_each_try_of_a_step_is_below_airflows_span_of_its_task(stage: Stage, world: World) -> None:
    spans = spans_of(stage, world)
    steps = [span for span in spans.values() if span.name == "invoke_workflow issue_fix"]
    assert {"fetch_issue", "classify", "fix.implement_1", "approve_pull_request"} <= {
        str(span.attributes["bridle.step"]) for span in steps
    }
    for step in steps:
        task = spans[step.parent_id]
        assert task.name == f"worker.{step.attributes['bridle.step']}"
        assert spans[task.parent_id].name == f"task_run.{step.attributes['bridle.step']}"
        assert spans[spans[task.parent_id].parent_id].name == "dag_run.issue_fix"


def test_every_attribute_has_a_name_of_the_conventions_or_of_bridles(stage: Stage, world: World) -> None:
    spans = list(spans_of(stage, world).values())
    assert len(own(spans)) > 20
    assert strange_names(spans) == set()
    assert misnamed(spans) == []


def test_sessions_calls_and_tokens_are_those_of_the_ledger(stage: Stage, world: World) -> None:
    """The fallback's failed attempts, and the agent that makes spans of its own, included."""
    spans = spans_of(stage, world)
    agents = {
        str(span.attributes["bridle.session_id"]): span
        for span in spans.values()
        if span.name.startswith("invoke_agent ")
    }
    sessions = {str(session.id): session for session in stage.run.sessions()}
    assert set(agents) == set(sessions)
    for session_id, span in agents.items():
        session, told = sessions[session_id], span.attributes
        calls = [
            one for one in spans.values() if one.parent_id == span.span_id and one.name.startswith("chat ")
        ]
        rows = stage.ledger.calls(session.id)
        assert (told["gen_ai.agent.name"], told["bridle.outcome"]) == (session.role, session.outcome)
        assert told["gen_ai.request.model"] == session.model
        assert len(calls) == len(rows)
        assert sum(one.attributes["gen_ai.usage.input_tokens"] for one in calls) == sum(
            row.usage.input_tokens for row in rows if row.usage
        )
        own = [one for one in spans.values() if one.name == "claude_code.interaction"]
        if session.agent == "claude-code":
            assert span.span_id in {one.parent_id for one in own}


def test_the_wait_for_a_person_and_the_pull_request_are_in_it(stage: Stage, world: World) -> None:
    names = {span.name: span for span in spans_of(stage, world).values()}
    assert names["approval"].attributes["bridle.by"] == "human:admin"
    assert names["effect pull_request"].attributes["bridle.state"] == "done"
    assert {"check tests", "effect push"} <= set(names)
