"""One command stops whatever is at work, and one lets it go on."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from harness_bench import Bed, edit

from bridle.errors import StopRequested
from bridle.harness.step import Step
from bridle.harness.work import work
from bridle.ledger.queries import Queries
from patience import pauses_until, until

Make = Callable[..., Bed]
LOOK, CHANGE, DONE = edit("a - b", "a + b")
SLEEP = {"ops": [{"op": "shell", "command": "sleep 600"}]}


def in_the_tool(bed: Bed) -> int:
    with Queries(bed.ledger.url) as rows:
        told = [rows.events(session.id) for session in rows.sessions()]
    return sum(any("sleep 600" in str(row.payload) for row in events) for events in told)


def test_the_off_switch_ends_every_session_with_its_work_kept_until_it_is_lifted(bed: Make) -> None:
    """Neither calls a model when the stop comes: both wait in a tool, and hear of it by their heartbeats."""
    here = bed({"one": [[CHANGE, SLEEP, DONE]], "two": [[CHANGE, SLEEP, DONE]]}, checkpoint_seconds=600.0)
    steps = [replace(here.step(task=task), stop=threading.Event()) for task in ("one", "two")]

    def stopped(step: Step) -> None:
        with pytest.raises(StopRequested, match="bridle resume --all"):
            work(step, here.work(agent="codex"))

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(stopped, step) for step in steps]
        until("both are in the tool", lambda: in_the_tool(here) == 2)
        here.ledger.request_stop("all", "human:ada")
        seconds = pauses_until("both have ended", lambda: all(end.done() for end in ends))
        for end in ends:
            end.result()
    assert seconds < 20  # ten on a machine that is not full, and far less than the tool's
    with pytest.raises(StopRequested):
        work(here.step(task="one", generation=5), here.work(agent="codex"))
    here.ledger.clear_stop("all")
    states = [here.ledger.step_state(step.attempt.step, 2) for step in steps]
    assert [(state.sessions[0].outcome, bool(state.sessions[0].checkpoint)) for state in states] == [
        ("stopped", True)
    ] * 2
