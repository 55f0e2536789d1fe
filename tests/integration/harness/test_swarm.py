"""Sub-agents that a session starts behind the harness's back are counted like it, and end with it."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest
from harness_bench import Bed

from bridle.agents.base import Limits
from bridle.errors import BudgetSpent
from bridle.harness.step import Step
from bridle.harness.work import work
from bridle.ledger.queries import Queries
from patience import until
from processes import found

Make = Callable[..., Bed]

MARK = "one-of-the-swarm"
ASK = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 50,
    "messages": [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": "."},
        {"role": "user", "content": "Go on."},
    ],
}
SUB_AGENT = f"""
import json, os, urllib.request as r
while True:
    head = {{"x-api-key": os.environ["ANTHROPIC_API_KEY"], "content-type": "application/json"}}
    url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    try:
        r.build_opener(r.ProxyHandler({{}})).open(r.Request(url, {json.dumps(ASK).encode()!r}, head)).read()
    except OSError:
        pass
"""
SWARM = f"""
import subprocess, sys, time
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", {SUB_AGENT!r}, {MARK!r}], start_new_session=True)
time.sleep(600)
"""
CAP = 60_000


def alive() -> list[psutil.Process]:
    """Sub-agents that still run on this machine."""
    return found(lambda it: MARK in it.cmdline())


def roles(budgets: str) -> Callable[[Bed], Step]:
    """What a user writes into roles.yaml."""

    def open_step(here: Bed) -> Step:
        path = here.folder / "roles.yaml"
        path.write_text(
            f"roles: {{r: {{agent: api, model: 'anthropic:claude-haiku-4-5'}}}}\nbudgets: {budgets}\n"
        )
        step = here.step()
        attempt = replace(step.attempt, loop_id="7", loop_round=1)
        return replace(step, attempt=attempt, settings=replace(step.settings, roles_file=path))

    return open_step


def everything(here: Bed) -> Step:
    """What `bridle budget all --tokens` sets."""
    here.ledger.change_budget("all", cap_usd=None, cap_tokens=CAP, by="human:ada")
    return here.step()


SCOPES: dict[str, tuple[Callable[[Bed], Step], int | None]] = {
    "session:{session}": (Bed.step, CAP),
    "step:dag/run/implement": (roles(f"{{step: {{tokens: {CAP}}}}}"), None),
    "run:dag/run": (roles(f"{{run: {{tokens: {CAP}}}}}"), None),
    "loop:7": (roles(f"{{loop: {{tokens: {CAP}}}}}"), None),
    "day:{today}": (roles(f"{{day: {{tokens: {CAP}}}}}"), None),
    "all": (everything, None),
}
"""Scope to how it is capped, and to the tokens that the session's own limits allow."""


@pytest.mark.parametrize("scope", SCOPES)
def test_a_swarm_of_sub_agents_is_held_by_the_cap_of_each_scope_and_is_gone_with_it(
    bed: Make, scope: str
) -> None:
    """The agent waits in its shell and asks for nothing; what calls are processes that it let go of."""
    quoted = SWARM.replace("'", "'\\''")
    usage = {"input_tokens": 90, "output_tokens": 50}
    turns: list[dict[str, Any]] = [
        {"ops": [{"op": "shell", "command": f"python3 -c '{quoted}'"}], "usage": usage},
        {"text": "And on.", "usage": usage},
    ]
    here = bed({"implement": [turns], "r1.implement": [turns]})  # a round of a loop has its number in front
    capped, tokens = SCOPES[scope]
    step = capped(here)
    limits = Limits(turns=500, minutes=5, tokens=tokens)
    with pytest.raises(BudgetSpent) as spent:
        work(step, here.work(agent="claude-code", limits=limits, rounds=1))
    until("the swarm is gone", lambda: not alive())
    with Queries(here.ledger.url) as rows:
        (session,) = rows.sessions()
        calls = rows.calls(session.id)
        time.sleep(1)
        assert len(rows.calls(session.id)) == len(calls), "something keeps calling"
    assert session.outcome == "limit"
    assert len(calls) > 20, "the swarm's calls are in the books"
    name = scope.format(session=session.id, today=f"{datetime.now(UTC):%Y-%m-%d}")
    assert spent.value.scope == name
    budget = here.ledger.budget(name)
    assert budget is not None
    assert budget.spent_tokens <= CAP
    assert budget.reserved_tokens == 0
