"""What the tests of this folder share."""

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bridle.agents.base import Access, Limits
from bridle.config.prompts import Prompt
from bridle.config.roles import Role
from bridle.config.settings import Settings
from bridle.harness.session import Assignment
from bridle.harness.step import Step
from bridle.harness.work import Work
from bridle.ledger.ids import new_id
from bridle.ledger.queries import Queries
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository

CHECK = "python3 test_calc.py"
_MODELS = {"codex": "openai:gpt-5.5"}


@dataclass
class Bed:
    """Makes attempts of the step `implement`, one after the other."""

    folder: Path
    ledger: Ledger
    user: GitRepository
    script: Path
    settings: dict[str, Any]
    stop: threading.Event
    tries: int = 0

    def attempt(self, *, generation: int = 2, task: str = "implement", run: str = "run") -> Attempt:
        """The next try of the step, which has not begun."""
        self.tries += 1
        return Attempt(StepKey("dag", run, task), str(new_id()), self.tries, generation)

    def step(
        self,
        *,
        generation: int = 2,
        task: str = "implement",
        run: str = "run",
        attempt: Attempt | None = None,
    ) -> Step:
        """The next try of the step, as Airflow would start it."""
        attempt = attempt or self.attempt(generation=generation, task=task, run=run)
        settings = Settings(
            home=self.folder / "host",
            include_dir=None,
            ledger_conn_id="",
            gateway_mode="script",
            script=self.script,
            isolation="auto",
            allow_unsandboxed=False,
            **{"checkpoint_seconds": 0.5, "repositories_file": None, **self.settings},
        )
        return Step(attempt, settings, self.ledger, self.ledger.take_step(attempt), stop=self.stop)

    def wait_for_event(self, kind: str, words: str, *, seconds: float = 120) -> None:
        """Return when a session of this ledger has told an event of this kind with these words."""
        deadline = time.monotonic() + seconds
        with Queries(self.ledger.url) as rows:
            while time.monotonic() < deadline:
                for session in rows.sessions():
                    if any(row.kind == kind and words in str(row.payload) for row in rows.events(session.id)):
                        return
                time.sleep(0.1)
        raise AssertionError(f"no {kind} with {words!r} within {seconds:g} s")

    def wait_for_call(self) -> None:
        """Return when a session of this ledger waits for its model."""
        deadline = time.monotonic() + 120
        with Queries(self.ledger.url) as rows:
            while not any(rows.calls(session.id) for session in rows.sessions()):
                assert time.monotonic() < deadline, "no model is asked"
                time.sleep(0.1)

    def work(
        self, *, access: Access = "write", check: str | None = "tests", rounds: int = 3, **changes: Any
    ) -> Work:
        """Fix the user's repository."""
        return Work(
            assignment=lambda number, feedback: assignment(
                f"Fix it. Round {number}. {feedback}", access=access, **changes
            ),
            repository=self.user.configured(checks={"tests": CHECK}),
            base="main",
            check=check,
            max_rounds=rounds,
            must_change=access == "write",
        )


def assignment(text: str, *, access: Access = "write", agent: str = "api", **changes: Any) -> Assignment:
    """What a session is asked; `codex` starts in half the time of `api`, which imports an SDK."""
    return replace(
        Assignment(
            role_name="implementer",
            role=Role(agent=agent, model=_MODELS.get(agent, "anthropic:claude-sonnet-4-5")),
            limits=Limits(turns=10, minutes=4),
            access=access,
            prompt=Prompt(text, "digest"),
        ),
        **changes,
    )


def edit(old: str, new: str) -> list[dict[str, Any]]:
    """A session that changes one line of calc.py."""
    return [
        {"text": "I look.", "ops": [{"op": "read", "path": "calc.py"}]},
        {"ops": [{"op": "edit", "path": "calc.py", "old": old, "new": new}]},
        {"text": "Changed calc.py."},
    ]
