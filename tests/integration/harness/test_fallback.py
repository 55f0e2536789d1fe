"""A provider that goes away, from the step's point of view: the next model, the same session or a new one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from harness_bench import Bed, edit

from bridle.agents.base import EventKind
from bridle.config.roles import Role
from bridle.errors import ConfigError, ProviderDown
from bridle.harness.work import work
from bridle.ledger.queries import Queries
from bridle.ledger.records import Usage

Make = Callable[..., Bed]
ROLE = Role(
    agent="api",
    model="anthropic:claude-sonnet-4-5",
    fallback=("moonshot:kimi-k2.6", "anthropic:claude-haiku-4-5"),
)
USED = {"input_tokens": 1000, "output_tokens": 100, "cache_read_tokens": 600}


def told(here: Bed, session: Any) -> list[dict[str, Any]]:
    return [event.payload for event in here.ledger.events(session.id) if event.kind == EventKind.FALLBACK]


def test_a_session_whose_model_never_answers_is_another_models_and_every_attempt_is_in_the_books(
    bed: Make, ledger_url: str
) -> None:
    first, *rest = edit("a - b", "a + b")
    turns = [{**first, "fail": [529], "usage": USED}, *({**turn, "usage": USED} for turn in rest)]
    here = bed({"implement": [turns]})
    step = here.step()
    assert work(step, here.work(role=ROLE)).checks == {"tests": True}
    (session,) = step.ledger.step_state(step.attempt.step, 2).sessions
    assert (session.provider, session.model, session.outcome) == ("moonshot", "kimi-k2.6", "done")
    (switch,) = told(here, session)
    assert (switch["model"], switch["next"]) == (ROLE.model, ROLE.fallback[0])
    assert "anthropic answers 529" in switch["reason"]
    with Queries(ledger_url) as queries:
        calls = queries.calls(session.id)
    totals = here.ledger.session_totals(session.id)
    assert totals.calls == 4
    assert totals.usage == Usage(3000, 300, 1800)
    assert totals.cost_usd is not None
    assert totals.cost_usd < Decimal("0.005")  # Kimi's prices, not Sonnet's
    assert [(call.provider, call.model, call.status) for call in calls] == [
        ("anthropic", "claude-sonnet-4-5", "error"),
        *[("moonshot", "kimi-k2.6", "ok")] * 3,
    ]


def test_a_provider_that_goes_away_later_leaves_its_work_to_a_new_session_on_the_next_model(
    bed: Make,
) -> None:
    """The next model begins on the checkpoint, with no memory of a conversation that it has not written."""
    gone = {"fail": [503] * 5, "failing": "claude-sonnet-4-5", "retry_after": 0.01}
    here = bed({"implement": [[*edit("a - b", "a + b")[:2], {"text": "It is done.", **gone}]]})
    step = here.step()
    assert work(step, here.work(role=ROLE)).checks == {"tests": True}
    before, session = step.ledger.step_state(step.attempt.step, 2).sessions
    assert (before.provider, before.outcome, before.round) == ("anthropic", "failed", 1)
    assert (session.provider, session.outcome, session.round) == ("moonshot", "done", 1)
    assert session.resumed_from == before.id
    (switch,) = told(here, session)
    assert (switch["model"], switch["next"]) == (ROLE.model, ROLE.fallback[0])


def test_when_the_whole_chain_is_away_the_task_is_tried_again_later(bed: Make) -> None:
    here = bed({"implement": [[{"text": ".", "fail": [503] * 99, "retry_after": 0.01}]]})
    step = here.step()
    with pytest.raises(ProviderDown, match="503"):
        work(step, here.work(role=ROLE))
    (session,) = step.ledger.step_state(step.attempt.step, 2).sessions
    assert session.outcome == "failed"


def test_a_dollar_limit_is_refused_for_a_model_without_a_price_anywhere_in_the_chain(bed: Make) -> None:
    here = bed({"implement": [[{"text": "."}]]})
    role = ROLE.model_copy(update={"fallback": ("moonshot:kimi-private",)})
    limits = role.limits.model_copy(update={"cost_usd": 1.0})
    with pytest.raises(ConfigError, match=r"nobody knows what moonshot:kimi-private costs.*roles.yaml"):
        work(here.step(), here.work(role=role, limits=limits))
    assert here.ledger.session_totals("run:dag/run").calls == 0
