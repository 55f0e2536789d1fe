"""What a scenario is made of: a repository, an issue, what the model says, and what the user does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e2e_stage import Stage

Session = list[dict[str, Any]]
"""Turns of the scripted model."""

FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "test_calc.py": "from calc import add\n\nassert add(2, 2) == 4, f'add(2, 2) is {add(2, 2)}'\n",
    "README.md": "# calc\n\nIt adds.\n",
}
CHECK = "python3 test_calc.py"


@dataclass(frozen=True)
class Scenario:
    """One story, in a repository of its own; stories are played side by side.

    Args:
        name: also the repository's.
        plot: what the user does, in a thread of its own: start runs, answer, kill.
        script: task id to sessions.
        issue: front matter of issue 1; the label `bug` makes the classification a rule's.
        settings: of the repository, besides the usual.
        files: of the repository.
    """

    name: str
    plot: Callable[[Stage], None]
    script: Mapping[str, list[Session]] = field(default_factory=dict)
    issue: Mapping[str, Any] = field(default_factory=lambda: {"labels": ["bug"]})
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=lambda: FILES)


def edit(old: str, new: str) -> Session:
    """A session that changes one line of calc.py."""
    return [
        {"text": "I look.", "ops": [{"op": "read", "path": "calc.py"}]},
        {"ops": [{"op": "edit", "path": "calc.py", "old": old, "new": new}]},
        {"text": f"calc.py now says {new}."},
    ]


def answering(**output: Any) -> Session:
    """A session that answers at once."""
    return [{"output": output}]


APPROVES = answering(verdict="approve", summary="It adds.", findings=[])
FOUND = answering(root_cause="add subtracts.", files=["calc.py"], plan="Let add add.", confidence=0.9)


def bug_fixed_by(*implement: Session, review: Session = APPROVES) -> dict[str, list[Session]]:
    """The script of a bug that is found, fixed and approved."""
    return {"investigate": [FOUND], "fix.implement_1": list(implement), "fix.review_1": [review]}
