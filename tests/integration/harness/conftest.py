"""A step without Airflow: real ledger, real git, real agent processes, a scripted model."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness_bench import Bed, edit
from publish_bed import approved
from traced_bench import FIX, Tried

from bridle.harness.result import StepResult
from bridle.harness.work import work
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository
from bridle.testing.trace_receiver import TraceReceiver


@pytest.fixture
def user_repository(tmp_path: Path) -> GitRepository:
    """The user's repository: `calc.py` with a wrong `add`, and a test that says so."""
    return GitRepository(
        tmp_path / "user" / "repository",
        {
            "calc.py": "def add(a, b):\n    return a - b\n",
            "test_calc.py": "from calc import add\nassert add(2, 2) == 4, add(2, 2)\n",
        },
    )


@pytest.fixture
def bed(tmp_path: Path, ledger: Ledger, user_repository: GitRepository) -> Callable[[dict[str, Any]], Bed]:
    """Makes steps whose sessions play the given script."""

    def make(script: dict[str, Any], **settings: Any) -> Bed:
        path = tmp_path / "script.yaml"
        path.write_text(yaml.safe_dump(script))
        return Bed(tmp_path, ledger, user_repository, path, settings, threading.Event())

    return make


@pytest.fixture
def fixed(bed: Callable[..., Bed]) -> tuple[Bed, StepResult]:
    """The repository's mistake is mended, and a human has said yes to the commit."""
    here = bed({"implement": [edit("a - b", "a + b")]})
    (here.user.path.parent / "issues").mkdir()
    (here.user.path.parent / "issues" / "7.md").write_text("---\ntitle: add subtracts\n---\nIt does.\n")
    done = work(here.step(), here.work(agent="codex"))
    approved(here, done.commit)
    return here, done


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[TraceReceiver]:
    """A running receiver of traces and metrics."""
    with TraceReceiver(tmp_path / "received") as receiver:
        yield receiver


@pytest.fixture
def tried(tmp_path: Path, ledger_url: str, receiver: TraceReceiver) -> Tried:
    """Tries that send to `receiver`."""
    made = Tried(tmp_path, ledger_url, receiver.url)
    made.script(FIX)
    return made
