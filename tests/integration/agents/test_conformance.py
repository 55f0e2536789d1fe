"""What holds for every agent, over every dialect that it says it speaks, through a real gateway.

What an agent declares in `supports`, which docs/agents.md repeats, is what is tried here.
"""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from bridle.agents import AGENTS, get
from bridle.agents.base import EventKind, Limits, Outcome, Resume
from bridle.agents.render import render
from bridle.gateway.budget import MemoryMeter
from bridle.process.supervisor import descendants

SUPPORTS = {name: get(name).supports for name in sorted(AGENTS)}
EVERY_DIALECT = [(name, dialect) for name, it in SUPPORTS.items() for dialect in it.dialects]
PREFERRED = [(name, it.dialects[0]) for name, it in SUPPORTS.items()]
RESUMABLE = [(name, it.dialects[0]) for name, it in SUPPORTS.items() if it.resume]

SCHEMA = {
    "type": "object",
    "properties": {"root_cause": {"type": "string"}, "confidence": {"type": "number", "maximum": 1}},
    "required": ["root_cause", "confidence"],
}
FOUND = {"root_cause": "add() subtracts", "confidence": 0.9}
INSTRUCTIONS = "You are an engineer. " * 40
LONG = "I wonder why it subtracts. " * 40
PROMPT = "Fix this issue: add() returns a difference. " * 30

every_dialect = pytest.mark.parametrize(("agent", "dialect"), EVERY_DIALECT)
every_agent = pytest.mark.parametrize(("agent", "dialect"), PREFERRED)
every_resumable_agent = pytest.mark.parametrize(("agent", "dialect"), RESUMABLE)


def runners() -> list[int]:
    def is_runner(pid: int) -> bool:
        with suppress(OSError):
            return b"bridle.agents.runner" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    return [pid for pid in descendants(os.getpid()) if is_runner(pid)]


@every_dialect
def test_a_session_reads_edits_runs_and_answers(stage, fix, outside, agent, dialect, monkeypatch):
    """With the highest effort it knows, few bytes, a stranger's environment, and no word to anybody else."""
    monkeypatch.setenv("AIRFLOW_CONN_BRIDLE_ANTHROPIC", "sk-a-real-key")
    effort = SUPPORTS[agent].efforts[-1]
    stage.script(*fix("python3 -c 'import calc; print(calc.add(1, 2))'; env"))
    done = stage.run(
        stage.spec(
            agent, dialect, effort=effort, instructions=INSTRUCTIONS, prompt=PROMPT, env=outside.environment
        )
    )
    assert (done.result.outcome, done.result.summary) == (Outcome.DONE, "Fixed: add() subtracted.")
    assert done.result.turns == 4
    assert (stage.work / "calc.py").read_text().endswith("return a + b\n")
    look, search, edit, run = [call["title"] for call in stage.of(EventKind.TOOL_CALL)]
    # calls of one answer may be made side by side
    assert "calc.py" in look + search
    assert "def add" in look + search
    assert edit.startswith("Edit calc.py")
    assert run.startswith("Shell python3 -c")
    results = stage.of(EventKind.TOOL_RESULT)
    assert [result["ok"] for result in results] == [True] * 4
    assert results[-1]["text"].split()[0] == "3"
    assert "HOME=" in results[-1]["text"]
    assert "sk-a-real-key" not in results[-1]["text"]
    turns = [event.payload["turn"] for event in stage.events if event.kind is EventKind.TOOL_CALL]
    assert turns == [1, 1, 2, 3]
    assert (stage.events[0].kind, stage.events[-1].kind) == (EventKind.STARTED, EventKind.FINISHED)
    assert all(render(event) for event in stage.events)
    requests = stage.requests()
    assert len(requests) == 4
    assert outside.heard() == []
    assert requests[0]["request_bytes"] < 20_000
    # to Anthropic's smaller models it is a number of tokens to think with
    assert effort in str(requests[0]["settings"]) or "thinking" in requests[0]["settings"]


@every_dialect
def test_what_the_model_thinks_is_told_turn_by_turn_and_goes_back_to_it(stage, agent, dialect):
    """With the highest effort, for which the answer must have room."""
    effort = SUPPORTS[agent].efforts[-1]
    stage.script(
        {"reasoning": f"{LONG} I look first.", "ops": [{"op": "read", "path": "calc.py"}]},
        {"reasoning": "It subtracts.", "text": "It subtracts, I say."},
    )
    done = stage.run(stage.spec(agent, dialect, effort=effort))
    assert (done.result.outcome, done.result.summary) == (Outcome.DONE, "It subtracts, I say.")
    told = [(said["turn"], said["text"]) for said in stage.of(EventKind.REASONING)]
    assert told == [(1, f"{LONG} I look first."), (2, "It subtracts.")]
    assert [said["text"] for said in stage.of(EventKind.TEXT)] == ["It subtracts, I say."]
    first, second = stage.requests()
    assert second["request_bytes"] - first["request_bytes"] > len(LONG)
    thinking = first["settings"].get("thinking", {})
    assert thinking.get("budget_tokens", 0) < first["settings"].get("max_tokens", 1)


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-haiku-5-5"])
@pytest.mark.parametrize("agent", ["claude-code", "api"])
def test_models_that_keep_their_thoughts_to_themselves_are_asked_for_them(stage, agent, model):
    stage.script({"text": "Yes."}, model=model)
    assert stage.run(stage.spec(agent, model=model)).result.outcome is Outcome.DONE
    (request,) = stage.requests()
    assert request["settings"]["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_codex_asks_for_a_summary_only_where_the_role_says_so(stage):
    stage.script({"text": "Yes."})
    for wanted in (False, True):
        stage.run(stage.spec("codex", "openai-responses", effort="low", reasoning_summary=wanted))
    without, wanting = (request["settings"]["reasoning"] for request in stage.requests())
    assert (without, wanting) == ({"effort": "low"}, {"effort": "low", "summary": "auto"})


@every_agent
def test_output_that_does_not_fit_is_asked_for_again(stage, agent, dialect):
    """In a session without any tool."""
    stage.script({"output": {"root_cause": "?", "confidence": 7}}, {"output": FOUND})
    done = stage.run(stage.spec(agent, dialect, access="none", output_schema=SCHEMA))
    assert done.result.outcome is Outcome.DONE, done.result
    assert done.result.output == FOUND
    assert len(stage.requests()) == done.result.turns == 2


@every_agent
def test_a_session_that_never_gives_its_output_fails(stage, agent, dialect):
    stage.script(*[{"text": "I would rather talk."}] * 8)
    done = stage.run(stage.spec(agent, dialect, access="read", output_schema=SCHEMA))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("output: ")
    assert not done.result.retryable


@every_agent
def test_an_empty_answer_is_no_success(stage, agent, dialect):
    stage.script(*[{"text": " "}] * 4)
    assert stage.run(stage.spec(agent, dialect)).result.outcome is Outcome.FAILED


@every_agent
def test_a_session_ends_at_its_turns(stage, agent, dialect):
    stage.script(*[{"ops": [{"op": "read", "path": "calc.py"}]}] * 5, most_turns=2)
    done = stage.run(stage.spec(agent, dialect, limits=Limits(turns=2)))
    assert (done.result.outcome, done.result.turns) == (Outcome.LIMIT, 2)
    assert done.result.reason == "turns: not done after 2 turns"
    assert len(stage.requests()) == 2


@every_agent
def test_a_spent_budget_is_a_limit_and_ends_the_session_at_once(stage, fix, agent, dialect):
    stage.script(*fix(), meter=MemoryMeter(cap_tokens=10))
    done = stage.run(stage.spec(agent, dialect))
    assert done.result.outcome is Outcome.LIMIT
    assert done.result.reason.startswith("budget: ")
    assert not done.result.retryable


@every_agent
def test_a_refused_key_is_shown_to_the_provider_once(stage, agent, dialect):
    stage.script({"text": "never", "fail": [401] * 20})
    done = stage.run(stage.spec(agent, dialect, limits=Limits(minutes=2)))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("credential: ")
    assert not done.result.retryable
    assert len(stage.requests()) == 1


@every_agent
def test_an_overloaded_provider_is_waited_for(stage, agent, dialect):
    stage.script({"text": "There.", "fail": [529, 500], "retry_after": 0})
    done = stage.run(stage.spec(agent, dialect))
    assert done.result.outcome is Outcome.DONE
    assert len(stage.requests()) == 3


@every_agent
def test_a_provider_that_stays_down_is_worth_another_try(stage, agent, dialect):
    stage.script({"text": "never", "fail": [529] * 40, "retry_after": 0})
    done = stage.run(stage.spec(agent, dialect))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("provider: ")
    assert done.result.retryable
    assert len(stage.requests()) <= 6


@every_agent
def test_a_silent_session_is_ended_and_may_be_tried_again(stage, agent, dialect):
    stage.script({"text": "never", "hang": True})
    done = stage.run(stage.spec(agent, dialect, limits=Limits(idle_minutes=4 / 60)))
    assert done.result.outcome is Outcome.FAILED
    assert done.result.reason.startswith("idle: ")
    assert done.result.retryable
    assert runners() == []


@every_agent
def test_a_session_ends_at_its_minutes(stage, agent, dialect):
    stage.script({"text": "never", "hang": True})
    done = stage.run(stage.spec(agent, dialect, limits=Limits(minutes=3 / 60)))
    assert done.result.outcome is Outcome.LIMIT
    assert done.result.reason.startswith("time: ")
    assert runners() == []


@every_resumable_agent
def test_a_killed_runner_is_lost_and_its_session_goes_on_elsewhere(stage, agent, dialect):
    """In another home and another work tree, as on another host."""

    def turns(command):
        first, second = {"op": "read", "path": "calc.py"}, {"op": "shell", "command": command}
        said = {"text": "First.", "ops": [first]}, {"text": "Second.", "ops": [second]}
        return (*said, {"text": "Third."}, {"text": "Fourth."})

    stage.script(*turns("sleep 100"))
    told = {"sleeps": False, "transcript": b""}

    def kill():
        """While the command runs, as soon as the turn that wanted it is in the transcript."""
        if told["sleeps"] and b"Second." in told["transcript"]:
            for pid in runners():
                os.kill(pid, signal.SIGKILL)

    def on_event(event):
        title = event.payload.get("title", "")
        told["sleeps"] |= event.kind is EventKind.TOOL_CALL and title.startswith("Shell sleep")
        kill()

    def on_transcript(piece):
        told["transcript"] += piece
        kill()

    lost = stage.run(stage.spec(agent, dialect), on_event=on_event, on_transcript=on_transcript)
    assert (lost.result.outcome, lost.result.retryable) == (Outcome.LOST, True)
    assert lost.result.session_ref
    assert lost.transcript

    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    stage.script(*turns("true"))
    again = stage.run(
        stage.spec(
            agent,
            dialect,
            session_id="s2",
            prompt="Go on.",
            workdir=elsewhere,
            home=stage.folder / "home2",
            resume=resumed(stage, lost),
        )
    )
    assert again.result.outcome is Outcome.DONE
    # not from the beginning; how many turns an interrupted one counts as is each agent's own
    assert again.result.summary in ("Second.", "Third.", "Fourth.")
    assert stage.requests()[-1]["turn"] >= 1


@every_resumable_agent
def test_a_session_can_go_on_after_it_was_stopped(stage, agent, dialect):
    first, second, third = {"text": "First.", "ops": [{"op": "read", "path": "calc.py"}]}, "Second.", "Third."
    stage.script(first, {"text": second, "delay": 600}, {"text": third})
    stop = threading.Event()

    def on_event(event):
        if event.kind is EventKind.TOOL_RESULT:
            stop.set()

    stopped = stage.run(stage.spec(agent, dialect), stop=stop, on_event=on_event)
    assert stopped.result.outcome is Outcome.STOPPED
    assert runners() == []
    assert stopped.transcript
    stage.script(first, {"text": second}, {"text": third})
    again = stage.run(stage.spec(agent, dialect, prompt="Go on.", resume=resumed(stage, stopped)))
    assert again.result.outcome is Outcome.DONE
    # Claude Code answers an interrupted turn itself before it goes on.
    assert again.result.summary == ("Third." if agent == "claude-code" else "Second.")


def resumed(stage, interrupted):
    """What the operator lays out of an interrupted session."""
    transcript = stage.folder / "transcript"
    transcript.write_bytes(interrupted.transcript)
    return Resume(session_ref=interrupted.result.session_ref, transcript=transcript)


@every_agent
def test_the_sandbox_shows_nothing_of_the_host_and_lets_nothing_out(stage, fix, agent, dialect):
    look = "id -u; ls /root; cat /proc/*/environ | tr '\\0' '\\n'; cat ../script.yaml"
    leave = "echo x > ../mine; echo x > /etc/mine; echo x > /usr/mine"
    stage.script(*fix(f"{look}; {leave}; true"))
    done = stage.run(stage.spec(agent, dialect), sandbox=stage.boxed())
    assert done.result.outcome is Outcome.DONE, done.result
    assert (stage.work / "calc.py").read_text().endswith("return a + b\n")
    seen = stage.of(EventKind.TOOL_RESULT)[-1]["text"]
    assert "HOME=" in seen
    assert not any(name in seen for name in ("PYTEST_CURRENT_TEST", ".ssh", "implement:"))
    assert not any(path.exists() for path in (stage.folder / "mine", Path("/etc/mine"), Path("/usr/mine")))
    if os.geteuid() == 0:
        assert "65534\n" in seen


@every_agent
def test_a_reading_session_changes_nothing(stage, agent, dialect):
    """It has no tool that writes; one with a shell has a tree that cannot be written."""
    tries = {"op": "shell", "command": "echo x > calc.py"}
    if agent != "codex":
        tries = {"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}
    stage.script({"ops": [{"op": "read", "path": "calc.py"}]}, {"ops": [tries]}, {"text": "I could not."})
    done = stage.run(stage.spec(agent, dialect, access="read"), sandbox=stage.boxed())
    results = [result["ok"] for result in stage.of(EventKind.TOOL_RESULT)]
    if agent == "codex":
        assert (done.result.outcome, results) == (Outcome.DONE, [True, False])
    else:
        assert "no tool for op `edit`" in done.result.reason
    assert (stage.work / "calc.py").read_text().endswith("a - b\n")


@every_agent
def test_what_the_repository_says_to_agents_is_neither_run_nor_read(stage, agent, dialect):
    """Hooks, servers, settings and instructions of a repository; a path in a prompt is only text."""
    planted = stage.plant()
    (stage.folder / "secret").write_text("the-secret" * 5000)
    stage.script({"ops": [{"op": "read", "path": "calc.py"}]}, {"text": "ok"})
    done = stage.run(stage.spec(agent, dialect, prompt=f"Fix it. @{stage.folder}/secret $skill /init"))
    assert done.result.outcome is Outcome.DONE
    assert not planted.exists()
    assert all(request["request_bytes"] < 20_000 for request in stage.requests())
