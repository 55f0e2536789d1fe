"""Sub-agents that a session starts behind the harness's back are counted like it, and end with it."""

import json
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from harness_bench import Bed

from bridle.agents.base import Limits
from bridle.errors import BudgetSpent
from bridle.harness.work import work
from bridle.ledger.queries import Queries

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


def alive() -> list[int]:
    """Sub-agents that still run on this machine."""
    return [
        process.pid for process in psutil.process_iter(["cmdline"]) if MARK in (process.info["cmdline"] or [])
    ]


def test_a_swarm_of_sub_agents_is_held_by_the_sessions_cap_and_is_gone_with_it(bed: Make) -> None:
    """The agent waits in its shell and asks for nothing; what calls are processes that it let go of."""
    quoted = SWARM.replace("'", "'\\''")
    usage = {"input_tokens": 90, "output_tokens": 50}
    turns: list[dict[str, Any]] = [
        {"ops": [{"op": "shell", "command": f"python3 -c '{quoted}'"}], "usage": usage},
        {"text": "And on.", "usage": usage},
    ]
    here = bed({"implement": [turns]})
    step = here.step()
    limits = Limits(turns=500, minutes=5, tokens=CAP)
    with pytest.raises(BudgetSpent, match="session:"):
        work(step, here.work(agent="claude-code", limits=limits, rounds=1))
    ended = time.monotonic()
    while alive() and time.monotonic() < ended + 10:
        time.sleep(0.1)
    assert alive() == []
    with Queries(here.ledger.url) as rows:
        (session,) = rows.sessions()
        calls = rows.calls(session.id)
        time.sleep(1)
        assert len(rows.calls(session.id)) == len(calls), "something keeps calling"
    assert session.outcome == "limit"
    assert len(calls) > 20, "the swarm's calls are in the books"
    budget = here.ledger.budget(f"session:{session.id}")
    assert budget is not None
    assert budget.spent_tokens <= CAP
