"""A work tree with a bug, a scripted model behind a real gateway, and an agent between them."""

import json
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
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place, Upstream
from bridle.process.sandbox import Isolation, Sandbox
from bridle.process.strength import detect


@dataclass
class Stage:
    folder: Path
    cleanup: ExitStack
    events: list[Event] = field(default_factory=list)
    gateway: Gateway | None = None

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def script(self, *turns: dict[str, Any], meter: MemoryMeter | None = None) -> None:
        script = self.folder / "script.yaml"
        script.write_text(yaml.safe_dump({"implement": [list(turns)]}))
        upstream = Upstream.scripted(
            "anthropic:claude-haiku-4-5",
            script,
            Place("implement", workdir=self.work),
            journal=self.folder / "journal.jsonl",
        )
        if self.gateway:
            self.gateway.stop()
        gateway = Gateway(
            upstream=upstream, meter=meter or MemoryMeter(), socket_path=self.folder / "gateway.sock"
        )
        self.gateway = self.cleanup.enter_context(gateway)

    def spec(self, agent: str, **more: Any) -> SessionSpec:
        values: dict[str, Any] = {
            "session_id": "s1",
            "agent": agent,
            "prompt": "Fix the failing test.",
            "workdir": self.work,
            "home": self.folder / "home",
            "access": "write",
            "model": "claude-haiku-4-5",
            "dialect": "anthropic-messages",
            "gateway_url": self.gateway.url if self.gateway else "http://127.0.0.1:9",
            "gateway_token": self.gateway.token if self.gateway else "nothing",
            "gateway_socket": self.folder / "gateway.sock",
        }
        return SessionSpec(**(values | more))

    def run(self, spec: SessionSpec, **more: Any) -> Launched:
        values: dict[str, Any] = {
            "sandbox": Sandbox(),
            "stop": threading.Event(),
            "on_event": self.events.append,
            "last_traffic": lambda: self.gateway.last_traffic if self.gateway else 0.0,
        }
        spec.home.mkdir(exist_ok=True)
        return launch(spec, **(values | more))

    def boxed(self, isolation: Isolation = Isolation.SANDBOX, home: str = "home") -> Sandbox:
        strength = detect()
        if isolation not in strength.works:
            pytest.skip(f"no {isolation.value} here: {strength.reasons[isolation]}")
        return Sandbox(
            isolation,
            writable=(self.work, self.folder / home),
            hidden=(self.folder,),
            network="loopback-socket",
            user=strength.user,
        )

    def of(self, kind: EventKind) -> list[dict[str, Any]]:
        return [event.payload for event in self.events if event.kind is kind]

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "journal.jsonl").read_text().splitlines()]


@pytest.fixture
def stage() -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="bridle-test-"))
    folder.chmod(0o755)
    (folder / "work").mkdir()
    (folder / "work" / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Stage(folder, cleanup)


@pytest.fixture
def fix() -> Callable[[str], tuple[dict[str, Any], ...]]:
    """A session that looks, edits, runs a command and says so."""

    def turns(command: str = "python3 -c 'import calc; print(calc.add(1, 2))'") -> tuple[dict[str, Any], ...]:
        look = [{"op": "read", "path": "calc.py"}, {"op": "search", "pattern": "def add"}]
        return (
            {"text": "I will look.", "ops": look},
            {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
            {"ops": [{"op": "shell", "command": command}]},
            {"text": "Fixed: add() subtracted."},
        )

    return turns
