"""What holds for every agent, over every dialect it speaks, through a real gateway."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bridle.agents.base import EventKind, Limits, Outcome, Resume
from bridle.agents.render import render
from bridle.gateway.budget import MemoryMeter
from bridle.process.supervisor import descendants

AGENTS = [("claude-code", "anthropic-messages"), ("api", "anthropic-messages"), ("api", "openai-chat")]
ONE_OF_EACH = [("claude-code", "anthropic-messages"), ("api", "openai-chat")]

SCHEMA = {
    "type": "object",
    "properties": {"root_cause": {"type": "string"}, "confidence": {"type": "number", "maximum": 1}},
    "required": ["root_cause", "confidence"],
}
FOUND = {"root_cause": "add() subtracts", "confidence": 0.9}


def runners() -> list[int]:
    def is_runner(pid: int) -> bool:
        with suppress(OSError):
            return b"bridle.agents.runner" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    return [pid for pid in descendants(os.getpid()) if is_runner(pid)]


@pytest.mark.parametrize(("agent", "dialect"), AGENTS)
def test_a_session_reads_edits_runs_and_answers(stage, fix, agent, dialect):
    stage.script(*fix())
    done = stage.run(stage.spec(agent, dialect=dialect))
    assert (done.result.outcome, done.result.summary) == (Outcome.DONE, "Fixed: add() subtracted.")
    assert done.result.turns == 4
    assert (stage.work / "calc.py").read_text().endswith("return a + b\n")
    titles = [call["title"] for call in stage.of(EventKind.TOOL_CALL)]
    assert titles[:3] == ["Read calc.py", "Search def add", "Edit calc.py (+1 −1)"]  # noqa: RUF001
    assert titles[3].startswith("Shell python3 -c")
    assert stage.of(EventKind.TOOL_RESULT)[-1]["text"].split()[0] == "3"
    assert all(result["ok"] for result in stage.of(EventKind.TOOL_RESULT))
    kinds = [event.kind for event in stage.events]
    assert (kinds[0], kinds[-1]) == (EventKind.STARTED, EventKind.FINISHED)
    assert all(render(event) for event in stage.events)
    assert len(stage.requests()) == 4


@pytest.mark.parametrize(("agent", "dialect"), AGENTS)
def test_structured_output_arrives_validated(stage, agent, dialect):
    stage.script({"ops": [{"op": "read", "path": "calc.py"}]}, {"output": FOUND})
    done = stage.run(stage.spec(agent, dialect=dialect, access="read", output_schema=SCHEMA))
    assert done.result.outcome is Outcome.DONE
    assert done.result.output == FOUND


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_output_that_does_not_fit_is_asked_for_again(stage, agent, dialect):
    stage.script({"output": {"root_cause": "?", "confidence": 7}}, {"output": FOUND})
    done = stage.run(stage.spec(agent, dialect=dialect, access="read", output_schema=SCHEMA))
    assert done.result.output == FOUND
    assert len(stage.requests()) == 2


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_session_that_never_gives_its_output_fails(stage, agent, dialect):
    stage.script(*[{"text": "I would rather talk."}] * 8)
    done = stage.run(stage.spec(agent, dialect=dialect, access="read", output_schema=SCHEMA))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("output: ")
    assert not done.result.retryable


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_an_empty_answer_is_no_success(stage, agent, dialect):
    stage.script(*[{"text": " "}] * 4)
    done = stage.run(stage.spec(agent, dialect=dialect))
    assert done.result.outcome is Outcome.FAILED


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_session_ends_at_its_turns(stage, agent, dialect):
    stage.script(*[{"ops": [{"op": "read", "path": "calc.py"}]}] * 5)
    done = stage.run(stage.spec(agent, dialect=dialect, limits=Limits(turns=2)))
    assert (done.result.outcome, done.result.turns) == (Outcome.LIMIT, 2)
    assert done.result.reason == "turns: not done after 2 turns"
    assert len(stage.requests()) == 2


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_spent_budget_is_a_limit_and_ends_the_session_at_once(stage, fix, agent, dialect):
    stage.script(*fix(), meter=MemoryMeter(cap_tokens=10))
    done = stage.run(stage.spec(agent, dialect=dialect))
    assert done.result.outcome is Outcome.LIMIT
    assert done.result.reason.startswith("budget: ")
    assert not done.result.retryable


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_refused_key_fails_at_once_and_names_the_connection(stage, agent, dialect):
    stage.script({"text": "never", "fail": [401] * 20})
    began = time.monotonic()
    done = stage.run(stage.spec(agent, dialect=dialect))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("credential: ")
    assert not done.result.retryable
    assert time.monotonic() - began < 20
    assert len(stage.requests()) <= 2


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_an_overloaded_provider_is_waited_for(stage, agent, dialect):
    stage.script({"text": "There.", "fail": [529, 500], "retry_after": 0})
    done = stage.run(stage.spec(agent, dialect=dialect))
    assert done.result.outcome is Outcome.DONE
    assert len(stage.requests()) == 3


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_provider_that_stays_down_is_worth_another_try(stage, agent, dialect):
    stage.script({"text": "never", "fail": [529] * 40, "retry_after": 0})
    done = stage.run(stage.spec(agent, dialect=dialect))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("provider: ")
    assert done.result.retryable


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_stop_ends_the_session(stage, agent, dialect):
    stage.script({"text": "never", "hang": True})
    stop = threading.Event()

    def on_event(event):
        threading.Timer(0.5, stop.set).start()

    done = stage.run(stage.spec(agent, dialect=dialect), stop=stop, on_event=on_event)
    assert done.result.outcome is Outcome.STOPPED
    assert runners() == []


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_silent_session_is_ended_and_may_be_tried_again(stage, agent, dialect):
    stage.script({"text": "never", "hang": True})
    done = stage.run(stage.spec(agent, dialect=dialect, limits=Limits(idle_minutes=4 / 60)))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("idle: ")
    assert done.result.retryable


def test_a_session_ends_at_its_minutes(stage):
    stage.script({"text": "never", "hang": True})
    done = stage.run(stage.spec("api", limits=Limits(minutes=3 / 60)))
    assert done.result.outcome is Outcome.LIMIT
    assert done.result.reason.startswith("time: ")


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_killed_runner_is_lost_and_its_session_goes_on_elsewhere(stage, agent, dialect):
    """In another home and another work tree, as on another host."""
    stage.script(
        {"text": "First.", "ops": [{"op": "read", "path": "calc.py"}]},
        {"text": "Second.", "ops": [{"op": "shell", "command": "sleep 3"}]},
        {"text": "Third."},
        {"text": "Fourth."},
    )

    def kill(event):
        if event.kind is EventKind.TOOL_CALL and event.payload["title"].startswith("Shell"):
            time.sleep(0.5)
            for pid in runners():
                os.kill(pid, signal.SIGKILL)

    lost = stage.run(stage.spec(agent, dialect=dialect), on_event=kill)
    assert (lost.result.outcome, lost.result.retryable) == (Outcome.LOST, True)
    assert lost.result.session_ref
    assert lost.transcript

    transcript = stage.folder / "transcript"
    transcript.write_bytes(lost.transcript)
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    again = stage.run(
        stage.spec(
            agent,
            dialect=dialect,
            session_id="s2",
            prompt="Go on.",
            workdir=elsewhere,
            home=stage.folder / "home2",
            resume=Resume(session_ref=lost.result.session_ref, transcript=transcript),
        )
    )
    assert again.result.outcome is Outcome.DONE
    assert again.result.summary in ("Second.", "Third.")
    assert stage.requests()[-1]["turn"] >= 1


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_session_can_go_on_after_it_was_stopped(stage, agent, dialect):
    stage.script(
        {"text": "First.", "ops": [{"op": "read", "path": "calc.py"}]},
        {"text": "Second.", "delay": 3},
        {"text": "Third."},
    )
    stop = threading.Event()

    def on_event(event):
        if event.kind is EventKind.TOOL_RESULT:
            stop.set()

    stopped = stage.run(stage.spec(agent, dialect=dialect), stop=stop, on_event=on_event)
    assert stopped.result.outcome is Outcome.STOPPED
    assert stopped.transcript
    transcript = stage.folder / "transcript"
    transcript.write_bytes(stopped.transcript)
    again = stage.run(
        stage.spec(
            agent,
            dialect=dialect,
            prompt="Go on.",
            resume=Resume(session_ref=stopped.result.session_ref, transcript=transcript),
        )
    )
    assert again.result.outcome is Outcome.DONE
    # Claude Code answers an interrupted turn itself before it goes on.
    assert again.result.summary == ("Third." if agent == "claude-code" else "Second.")


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_it_works_in_the_sandbox_without_network(stage, fix, agent, dialect):
    stage.script(*fix("id -u; ls /root; cat /proc/*/environ | tr '\\0' '\\n'; cat ../script.yaml"))
    done = stage.run(stage.spec(agent, dialect=dialect), sandbox=stage.boxed())
    assert done.result.outcome is Outcome.DONE, done.result
    assert (stage.work / "calc.py").read_text().endswith("return a + b\n")
    seen = stage.of(EventKind.TOOL_RESULT)[-1]["text"]
    assert "HOME=" in seen
    assert not any(name in seen for name in ("PYTEST_CURRENT_TEST", ".ssh", "implement:"))
    if os.geteuid() == 0:
        assert "65534\n" in seen


@pytest.mark.parametrize(("agent", "dialect"), ONE_OF_EACH)
def test_a_session_cannot_print_its_tasks_environment(stage, fix, agent, dialect, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_ANTHROPIC", "sk-a-real-key")
    stage.script(*fix("env"))
    stage.run(stage.spec(agent, dialect=dialect))
    seen = stage.of(EventKind.TOOL_RESULT)[-1]["text"]
    assert "HOME=" in seen
    assert "sk-a-real-key" not in seen
