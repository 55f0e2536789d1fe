"""Roles on agents and models of several vendors: the books are the providers' own, call by call."""

import json
from collections.abc import Callable
from typing import Any

from harness_bench import Bed, edit

from bridle.config.roles import Role
from bridle.harness.work import work
from bridle.ledger.queries import Queries
from bridle.ledger.records import Usage

Make = Callable[..., Bed]

KIMI = "moonshotai/kimi-k2.6"
ROLES = {
    "explore": Role(
        agent="api", model=f"openrouter:{KIMI}", fallback=("openrouter:anthropic/claude-haiku-4.5",)
    ),
    "implement": Role(agent="claude-code", model="anthropic:claude-sonnet-4-5"),
    "review": Role(agent="codex", model="openai:gpt-5.5"),
}
LOOK = {"ops": [{"op": "read", "path": "calc.py"}]}
SCRIPT: dict[str, list[dict[str, Any]]] = {
    "explore": [{**LOOK, "fail": [503] * 9, "failing": KIMI}, {"text": "It subtracts."}],
    "implement": edit("a - b", "a + b"),
    "review": [LOOK, {"text": "It adds."}],
}
USED = {
    "explore": {"input_tokens": 900, "output_tokens": 60, "cache_read_tokens": 500, "reasoning_tokens": 30},
    "implement": {
        "input_tokens": 5000,
        "output_tokens": 100,
        "cache_read_tokens": 3000,
        "cache_write_tokens": 1500,
    },
    "review": {
        "input_tokens": 7000,
        "output_tokens": 300,
        "cache_read_tokens": 4000,
        "cache_write_tokens": 600,
        "reasoning_tokens": 200,
    },
}


def test_three_agents_and_four_models_are_booked_as_their_providers_counted_them(
    bed: Make, ledger_url: str
) -> None:
    """Cached and reasoning tokens too, and a call that another model answered in the end."""
    here = bed({task: [[{**turn, "usage": USED[task]} for turn in SCRIPT[task]]] for task in SCRIPT})
    booked = []
    with Queries(ledger_url) as queries:
        for task, role in ROLES.items():
            step = here.step(task=task)
            access: Any = "write" if task == "implement" else "read"
            work(step, here.work(role=role, access=access, check=None, rounds=1))
            (session,) = step.ledger.step_state(step.attempt.step, 2).sessions
            calls = queries.calls(session.id)
            booked += [(call.dialect, call.model, call.http_status, call.usage) for call in calls]
            totals = step.ledger.session_totals(session.id)
            assert totals.usage.total == sum(call.usage.total for call in calls if call.usage)
            assert totals.cost_usd
    journal = (here.folder / "host" / "script.journal.jsonl").read_text().splitlines()
    counted = [
        (line["dialect"], line["model"], line["status"], Usage(**(line["usage"] or {})))
        for line in map(json.loads, journal)
    ]
    assert booked == counted
    assert [(model, status) for _, model, status, _ in booked if status != 200] == [(KIMI, 503)]
    assert {dialect for dialect, *_ in booked} == {"openai-chat", "anthropic-messages", "openai-responses"}
    assert len({model for _, model, *_ in booked}) == 4
