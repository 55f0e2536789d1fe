"""What the tests of publishing share."""

from pathlib import Path
from typing import Any

from harness_bench import Bed

from bridle.harness.approval import ask, record_answer
from bridle.harness.publish import Publication, publish
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.testing.git_repository import plain_git

ISSUE = {"number": 7, "title": "add subtracts", "text": "…", "labels": [], "author": "ada", "url": ""}
SEEN: dict[str, Any] = {
    "issue": ISSUE,
    "brief": {"root_cause": "a minus", "files": ["calc.py"], "plan": "Make it a plus.", "confidence": 1},
    "review": {"verdict": "approve", "summary": "Right.", "findings": []},
}


def approved(here: Bed, commit: str | None, generation: int = 2) -> None:
    """A human says yes to `commit`."""
    gate = here.step(task="approve", generation=generation)
    ask(gate, subject="Publish?", commit=commit, inputs={})
    record_answer(gate, commit=commit, approved=True, by="ada", feedback="")


def published(step: Step, here: Bed, done: StepResult, *, shared: bool = False, **seen: Any) -> StepResult:
    """Publish what `work` came to."""
    return publish(
        step,
        here.user.configured(),
        Publication(
            commit=done.commit or "",
            base=done.base or "",
            branch="bridle/issue-7",
            target="main",
            draft=True,
            shared=shared,
            needs_approval=True,
            template="pull_request.md",
            inputs={**SEEN, "number": 7, **seen},
        ),
    )


def branches(here: Bed) -> list[str]:
    return plain_git(here.user.path, "branch", "--format=%(refname:short)").split()


def pulls(here: Bed) -> list[Path]:
    return sorted((here.user.path.parent / "pulls").glob("*.md"))
