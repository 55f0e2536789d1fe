"""Spans and metrics of a step in a process of its own, as a real receiver gets them over OTLP/HTTP."""

import json
import re
import socket
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from traced_bench import FIX, Tried, until
from traced_step import SECRET

from bridle.ledger.queries import Queries
from bridle.testing.trace_receiver import ReceivedSpan, TraceReceiver
from conventions import misnamed, own, strange_names
from patience import quickest

DOCS = Path(__file__).parents[3] / "docs" / "traces.md"
GEN_AI = r"`(gen_ai\.[a-z_.]*[a-z])`"


def only(spans: list[ReceivedSpan], name: str) -> ReceivedSpan:
    (span,) = [span for span in spans if span.name == name]
    return span


def named(spans: list[ReceivedSpan], start: str) -> list[ReceivedSpan]:
    return [span for span in spans if span.name.startswith(start)]


def test_spans_nest_below_the_tasks_own_and_their_figures_are_those_of_the_ledger(
    tried: Tried, receiver: TraceReceiver
) -> None:
    done = tried.run(on=True)
    spans = receiver.spans()
    task, step = only(spans, "worker.implement"), only(spans, "invoke_workflow dag")
    agent, check = only(spans, "invoke_agent implementer"), only(spans, "check tests")
    calls, tools = named(spans, "chat "), named(spans, "execute_tool ")
    assert (task.parent_id, step.parent_id) == ("", task.span_id)
    assert (agent.parent_id, check.parent_id) == (step.span_id, step.span_id)
    assert {span.parent_id for span in (*calls, *tools)} == {agent.span_id}
    assert [span.name for span in tools] == ["execute_tool read", "execute_tool edit"]
    assert agent.attributes["bridle.session_id"] == done["session_id"]
    assert (agent.attributes["bridle.outcome"], agent.failed) == ("done", False)
    assert check.attributes["bridle.exit_code"] == 0
    with Queries(tried.ledger_url) as rows:
        (session,) = rows.sessions()
        books = {str(row.id): row for row in rows.calls(session.id)}
    assert {span.attributes["bridle.call_id"] for span in calls} == set(books)
    for span in calls:
        row, told = books[span.attributes["bridle.call_id"]], span.attributes
        assert row.usage is not None and row.price.amount is not None and row.latency_ms is not None
        assert told["gen_ai.usage.input_tokens"] == row.usage.input_tokens
        assert told["gen_ai.usage.output_tokens"] == row.usage.output_tokens
        assert told["gen_ai.usage.cache_read.input_tokens"] == row.usage.cache_read_tokens
        assert told["gen_ai.usage.cache_creation.input_tokens"] == row.usage.cache_write_tokens
        assert told["bridle.cost_usd"] == pytest.approx(float(row.price.amount))
        assert told["gen_ai.response.model"] == row.answered_model
        assert (span.end - span.start) * 1000 == pytest.approx(row.latency_ms, abs=1)
    assert any(span.attributes["gen_ai.usage.cache_read.input_tokens"] == 700 for span in calls)
    usages = [row.usage for row in books.values() if row.usage]
    assert agent.attributes["bridle.tokens.input"] == sum(usage.input_tokens for usage in usages)
    assert agent.attributes["bridle.tokens.output"] == sum(usage.output_tokens for usage in usages)


def test_off_nothing_is_sent_nor_imported(tried: Tried, receiver: TraceReceiver) -> None:
    done = tried.run()
    assert done["session_id"]
    assert done["modules"] == []
    assert receiver.raw() == b""


def test_without_being_asked_no_word_of_prompts_answers_or_arguments_is_sent(
    tried: Tried, receiver: TraceReceiver
) -> None:
    tried.run(on=True)
    tried.run(on=True, approval=True, task="approve")
    sent = receiver.raw()
    assert len(receiver.spans()) > 10
    for word in (b"Fix it", b"moon", b"a - b", b"calc.py", b"Changed", SECRET.encode()):
        assert word not in sent


def test_content_that_was_asked_for_is_redacted(tried: Tried, receiver: TraceReceiver) -> None:
    edited = {"op": "edit", "path": "calc.py", "old": "a - b", "new": f"a + b  # {SECRET}"}
    tried.script([{"ops": [edited]}, {"text": f"Changed it, {SECRET}."}])
    tried.run(on=True, content=True)
    spans = receiver.spans()
    agent = only(spans, "invoke_agent implementer").attributes
    assert "Fix it. Round 1." in agent["gen_ai.input.messages"]
    assert "Changed it, [redacted]." in agent["gen_ai.output.messages"]
    assert "a - b" in only(spans, "execute_tool edit").attributes["gen_ai.tool.call.arguments"]
    assert SECRET not in str(spans)


def test_every_attribute_is_one_of_the_conventions_or_says_that_it_is_bridles(
    tried: Tried, receiver: TraceReceiver
) -> None:
    """Of steps, sessions, calls, tools, checks, decisions, approvals, effects, content, and what failed."""
    tried.script(FIX, failed=[[{"text": ""}]])
    each = [{}, {"task": "failed"}, {"task": "approve", "approval": True}]
    tried.run(on=True, content=True, each=each)
    spans = receiver.spans()
    assert strange_names(spans) == set()
    assert misnamed(spans) == []
    names = {name for span in own(spans) for name in span.attributes}
    assert {name for name in names if name.startswith("gen_ai.")} == set(re.findall(GEN_AI, DOCS.read_text()))
    agent = only([span for span in spans if not span.failed], "invoke_agent implementer").attributes
    (asked,), (answered,) = (json.loads(agent[f"gen_ai.{way}.messages"]) for way in ("input", "output"))
    assert (asked["role"], asked["parts"][0]["type"]) == ("user", "text")
    assert (answered["role"], answered["finish_reason"]) == ("assistant", "stop")
    assert answered["parts"] == [{"type": "text", "content": "Changed calc.py."}]


def test_an_unknown_cost_is_not_sent_as_zero(tried: Tried, receiver: TraceReceiver) -> None:
    tried.run(on=True, model="anthropic:a-model-nobody-has-a-price-of")
    spans = receiver.spans()
    assert named(spans, "chat ")
    for span in (*named(spans, "chat "), only(spans, "invoke_agent implementer")):
        assert "bridle.cost_usd" not in span.attributes
    assert all(span.attributes["gen_ai.usage.input_tokens"] > 0 for span in named(spans, "chat "))


def test_a_resumed_session_is_a_span_of_its_own_linked_to_the_killed_ones(
    tried: Tried, receiver: TraceReceiver
) -> None:
    """The killed one's span never came; its calls did, and name it as their parent."""
    sleep = {"ops": [{"op": "shell", "command": "sleep 600"}]}
    tried.script([FIX[0], sleep, *FIX[1:]])
    tried.env["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    with tried.start(on=True, shell=True) as killed:
        with Queries(tried.ledger_url) as rows:
            until(lambda: any("sleep 600" in str(row.payload) for row in _events(rows)))
        until(lambda: len(named(receiver.spans(), "chat ")) == 2)
        killed.kill()
    tried.script(FIX)
    done = tried.run(on=True, tries=1, shell=True)
    spans = receiver.spans()
    agent = only(spans, "invoke_agent implementer")
    former = named(spans, "chat ")[0]
    assert agent.attributes["bridle.session_id"] == done["session_id"]
    assert agent.links == [(former.trace_id, former.parent_id)]
    assert former.trace_id != agent.trace_id or former.parent_id != agent.span_id


def test_an_approval_is_a_span_from_the_question_to_the_answer_and_an_effect_one_too(
    tried: Tried, receiver: TraceReceiver
) -> None:
    tried.run(on=True, approval=True, task="approve")
    spans = receiver.spans()
    approval, effect = only(spans, "approval"), only(spans, "effect comment")
    step = only(spans, "invoke_workflow dag")
    assert approval.parent_id == effect.parent_id == step.span_id
    with Queries(tried.ledger_url) as rows:
        (review,) = rows.reviews()
    assert review.answered_at is not None
    assert approval.start == pytest.approx(review.opened_at.timestamp(), abs=1e-4)
    assert approval.end == pytest.approx(review.answered_at.timestamp(), abs=1e-4)
    assert (approval.attributes["bridle.decision"], approval.attributes["bridle.by"]) == (
        "approve",
        "human:ada",
    )
    assert effect.attributes["bridle.state"] == "done"
    assert [(name, told["bridle.by"]) for name, told in step.events] == [("bridle.decision", "human:ada")]


@pytest.mark.parametrize("how", ["refuses", "never answers"])
def test_a_receiver_that_is_away_neither_fails_nor_delays_the_work(tried: Tried, how: str) -> None:
    """What is left to send is given up at the exporter's own time-out, which is 2 s here."""
    usual = tried.run(on=True)["seconds"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tried.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        if how == "refuses":
            silent.close()
        generations = count(5)

        def delay() -> float:
            done = tried.run(on=True, tries=1, generation=next(generations))
            assert "error" not in done
            return max(float(done["flush_seconds"]), done["seconds"] - 2 * usual)

        assert quickest(delay, enough=10, tries=4) < 10


def test_claude_codes_own_spans_come_in_below_its_sessions(tried: Tried, receiver: TraceReceiver) -> None:
    """Out of a sandbox without network, through the gateway."""
    tried.run(on=True, agent="claude-code")
    spans = receiver.spans()
    agent = only(spans, "invoke_agent implementer")
    interaction = only(spans, "claude_code.interaction")
    requests = named(spans, "claude_code.llm_request")
    assert interaction.parent_id == agent.span_id
    assert {span.parent_id for span in requests} == {interaction.span_id}
    assert len(requests) == len(named(spans, "chat ")) == 3
    assert interaction.service == "claude-code"
    assert b"Fix it" not in receiver.raw()


def _events(rows: Queries) -> list[Any]:
    return [event for session in rows.sessions() for event in rows.events(session.id)]
