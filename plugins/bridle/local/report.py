"""What the supervisor says about a stack: one small file, rewritten at every change."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bridle.local.files import write_private

Phase = Literal["starting", "ready", "failed", "stopping", "stopped"]


@dataclass(frozen=True)
class ComponentReport:
    """One process of the stack."""

    pid: int | None
    """None while it waits to be started again."""
    restarts: int = 0
    """How often it had to be started again."""


@dataclass(frozen=True)
class Report:
    """One moment of a stack."""

    phase: Phase
    message: str
    """What is being done, or what went wrong."""
    pid: int
    """Of the supervisor."""
    started: float
    """When that process was made (seconds since 1970): a pid alone may be somebody else's by now."""
    url: str = ""
    """Of the UI and REST API."""
    ledger_url: str = ""
    """Of Bridle's database, password included."""
    components: dict[str, ComponentReport] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Publish."""
        write_private(path, json.dumps(asdict(self)))

    def but(self, **changes: Any) -> "Report":
        """A copy with `changes`."""
        return replace(self, **changes)

    @classmethod
    def read(cls, path: Path) -> "Report | None":
        """The newest report; None when there has never been one."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        parts = {name: ComponentReport(**part) for name, part in data.pop("components").items()}
        return cls(**data, components=parts)
