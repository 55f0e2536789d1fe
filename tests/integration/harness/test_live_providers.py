"""Live providers, with the key from a connection: whatever the model, through whichever endpoint."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from harness_bench import Bed, edit

from bridle.config.roles import Role
from bridle.harness.work import work
from bridle.ledger.queries import Queries
from bridle.testing.model_server import ModelServer

KEY = "sk-moonshot-0123456789abcdef"
Make = Callable[..., Bed]


def test_claude_code_works_on_a_model_that_is_not_anthropics(
    bed: Make, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through an Anthropic-compatible endpoint, as Moonshot has one for Kimi."""
    here = bed({"implement": [edit("a - b", "a + b")]})
    step = here.step()
    step = replace(step, settings=replace(step.settings, gateway_mode="live", allow_unsandboxed=True))
    role = Role(agent="claude-code", model="moonshot:kimi-k2.6")
    with ModelServer(here.script) as moonshot:
        extra = {"base_urls": {"anthropic-messages": moonshot.url}, "session_headers": True}
        given = {"conn_type": "bridle_model", "password": KEY, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_MOONSHOT", json.dumps(given))
        result = work(step, here.work(role=role))
        asked = moonshot.requests()
    assert result.checks == {"tests": True}
    (session,) = step.ledger.step_state(step.attempt.step, 2).sessions
    with Queries(ledger_url) as queries:
        calls = queries.calls(session.id)
    assert (session.provider, session.model, session.agent) == ("moonshot", "kimi-k2.6", "claude-code")
    assert {line["model"] for line in asked} == {"kimi-k2.6"}
    assert {line["headers"]["authorization"] for line in asked} == {f"Bearer {KEY}"}
    booked = [(call.usage.input_tokens, call.usage.output_tokens) for call in calls if call.usage]
    reported = [(line["usage"]["input_tokens"], line["usage"]["output_tokens"]) for line in asked]
    assert booked == reported
    assert all(call.price.amount and call.price.source == "genai-prices" for call in calls)
    said = json.dumps([event.payload for event in step.ledger.events(session.id)])
    assert KEY not in said
