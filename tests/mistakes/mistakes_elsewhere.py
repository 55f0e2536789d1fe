"""Does a step in a process of its own, on a host that lacks something; prints the error as JSON.

python mistakes_elsewhere.py fetch|gateway
"""

import json
import sys
import threading
from dataclasses import asdict

from mistakes_scene import NAME, Told

from bridle.errors import BridleError


def fetch() -> None:
    """The step `fetch_issue`, with what the environment says."""
    from bridle import FetchIssueOperator
    from bridle.config.settings import Settings
    from bridle.harness.step import open_step
    from bridle.ledger.ids import new_id
    from bridle.ledger.records import Attempt, StepKey

    operator = FetchIssueOperator(task_id="fetch_issue", repo=NAME, number=1, base="")
    attempt = Attempt(StepKey("dag", "run", "fetch_issue"), str(new_id()), 1, 0)
    stop = threading.Event()
    with open_step(attempt, settings=Settings.load(), beside=None, budget_usd=None, stop=stop) as step:
        operator.work(step, {})


def gateway() -> None:
    """The door of a session."""
    from bridle.gateway.budget import MemoryMeter
    from bridle.gateway.providers import Provider
    from bridle.gateway.server import Gateway
    from bridle.gateway.upstream import Upstream

    provider = Provider("anthropic", {"anthropic-messages": "http://127.0.0.1:9/v1/messages"}, key="k")
    Gateway(upstream=Upstream(provider, "claude-haiku-4-5"), meter=MemoryMeter()).start()


if __name__ == "__main__":
    try:
        {"fetch": fetch, "gateway": gateway}[sys.argv[1]]()
    except BridleError as error:
        print(json.dumps(asdict(Told.of(error))))
