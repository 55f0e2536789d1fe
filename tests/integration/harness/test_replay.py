"""A recorded run replayed: the same trees and the same books, elsewhere, with nobody to ask."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from harness_bench import Bed, assignment, edit

from bridle.config.recordings import recording_of
from bridle.config.roles import Role
from bridle.errors import ConfigError
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.harness.work import work
from bridle.ledger.ids import new_id
from bridle.ledger.queries import Queries
from bridle.ledger.records import Attempt, StepKey

Make = Callable[..., Bed]
LOOK = {"reasoning": "Where am I? " * 20, "ops": [{"op": "shell", "command": "date; ls -l; pwd"}]}
AGAIN, *REST = edit("a * b + 1", "a + b")
SCRIPT = {
    "implement": [
        [LOOK, *edit("a - b", "a * b + 1")],
        [{**AGAIN, "reasoning": "It was no product."}, *REST],
    ]
}


def step_of(here: Bed, run: str, mode: str, cassettes: Path, home: str) -> Step:
    """A step of another run, on another host."""
    step = here.step()
    attempt = Attempt(StepKey("dag", run, "implement"), str(new_id()), 1, 0)
    settings = replace(step.settings, gateway_mode=mode, cassettes=cassettes, home=here.folder / home)
    if mode == "replay":
        settings = replace(settings, script=None)
    return Step(attempt, settings, here.ledger, here.ledger.take_step(attempt))


def tree(here: Bed, home: str, result: StepResult) -> str:
    """What the step's commit has in it, whoever made it and when."""
    (mirror,) = (here.folder / home / "mirrors").rglob("HEAD")
    return here.user.git("--git-dir", str(mirror.parent), "rev-parse", f"{result.commit}^{{tree}}")


def thoughts(here: Bed, run: str) -> list[str]:
    """What the models of a run thought, by session, the newest first."""
    with Queries(here.ledger.url) as rows:
        events = [event for session in rows.sessions("dag", run) for event in rows.events(session.id)]
    return [str(event.payload["text"]) for event in events if event.kind == "reasoning"]


@pytest.mark.parametrize(
    ("agent", "model"),
    [
        ("api", "anthropic:claude-sonnet-4-5"),
        ("claude-code", "anthropic:claude-sonnet-4-5"),
        ("codex", "openai:gpt-5.5"),
        ("api", "openrouter:moonshotai/kimi-k2.6"),
    ],
    ids=["api", "claude-code", "codex", "api by chat"],
)
def test_a_replay_comes_to_the_same_trees_and_the_same_books_in_another_folder_without_network(
    bed: Make, agent: str, model: str
) -> None:
    here = bed(SCRIPT)
    role = Role(agent=agent, model=model)
    tapes = here.folder / "tapes"
    recording = step_of(here, "one", "record", tapes, "first host")
    first = work(recording, here.work(role=role))
    folder = recording_of(tapes, "dag", "one")
    assert sorted(file.name for file in folder.iterdir()) == ["implement.1.1.jsonl", "implement.2.1.jsonl"]
    here.script.unlink()
    second = work(step_of(here, "two", "replay", folder, "another/place of mine"), here.work(role=role))
    assert (second.rounds, second.checks) == (first.rounds, first.checks) == (2, {"tests": True})
    assert tree(here, "another/place of mine", second) == tree(here, "first host", first)
    assert second.summary == first.summary
    recorded, replayed = (here.ledger.session_totals(f"run:dag/{run}") for run in ("one", "two"))
    assert replayed == recorded
    assert recorded.calls > 5
    assert thoughts(here, "two") == thoughts(here, "one") == ["It was no product.", LOOK["reasoning"]]
    written = "".join(file.read_text() for file in folder.iterdir())
    assert str(here.folder) not in written
    assert "{{workdir}}" in written


def test_a_replay_of_another_prompt_ends_with_what_differs(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    tapes = here.folder / "tapes"
    work(step_of(here, "one", "record", tapes, "host"), here.work())
    other = replace(here.work(), assignment=lambda *_: assignment("Break it."))
    again = step_of(here, "two", "replay", recording_of(tapes, "dag", "one"), "host")
    with pytest.raises(ConfigError, match=r"first difference in request\.messages.*'Fix it.*'Break it"):
        work(again, other)


def test_a_replay_of_a_session_that_was_not_recorded_says_so(bed: Make) -> None:
    here = bed({"implement": [edit("a - b", "a + b")]})
    (here.folder / "tapes").mkdir()
    with pytest.raises(ConfigError, match=r"implement.1.1.jsonl is not in the recording"):
        work(step_of(here, "two", "replay", here.folder / "tapes", "host"), here.work())
