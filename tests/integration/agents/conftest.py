import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridle.agents.base import Event, EventKind, SessionSpec
from bridle.agents.launch import Launched, launch
from bridle.process.sandbox import Sandbox
from bridle.testing.model_server import ModelServer


@dataclass
class Stage:
    """A work tree with a bug in it, a scripted model, and the way to run an agent between them."""

    folder: Path
    cleanup: ExitStack
    events: list[Event] = field(default_factory=list)
    server: ModelServer | None = None

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def script(self, *turns: dict[str, Any]) -> None:
        path = self.folder / f"script{len(list(self.folder.glob('script*')))}.yaml"
        path.write_text(yaml.safe_dump({"implement": [list(turns)]}))
        self.server = self.cleanup.enter_context(ModelServer(path, workdir=self.work))

    def spec(self, agent: str = "claude-code", **more: Any) -> SessionSpec:
        values: dict[str, Any] = {
            "session_id": "s1",
            "agent": agent,
            "prompt": "Fix the failing test.",
            "workdir": self.work,
            "home": self.folder / "home",
            "access": "write",
            "model": "claude-haiku-4-5",
            "dialect": "anthropic-messages",
            "gateway_url": self.server.url if self.server else "http://127.0.0.1:9",
            "gateway_token": "a-session-token",
        }
        return SessionSpec(**(values | more))

    def run(self, spec: SessionSpec, **more: Any) -> Launched:
        values: dict[str, Any] = {
            "sandbox": Sandbox(),
            "stop": threading.Event(),
            "on_event": self.events.append,
        }
        return launch(spec, **(values | more))

    def of(self, kind: EventKind) -> list[dict[str, Any]]:
        return [event.payload for event in self.events if event.kind is kind]

    def requests(self) -> list[dict[str, Any]]:
        assert self.server is not None
        return self.server.requests()


@pytest.fixture
def stage() -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="bridle-test-"))
    folder.chmod(0o755)
    work = folder / "work"
    work.mkdir()
    (work / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Stage(folder, cleanup)


@pytest.fixture
def fix() -> Callable[[], tuple[dict[str, Any], ...]]:
    """A session that looks, edits, runs and says so."""
    return lambda: (
        {
            "text": "I will look.",
            "ops": [{"op": "read", "path": "calc.py"}, {"op": "search", "pattern": "def add"}],
        },
        {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
        {"ops": [{"op": "shell", "command": "python3 -c 'import calc; print(calc.add(1, 2))'"}]},
        {"text": "Fixed."},
    )
