"""How a local stack is to be run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bridle.local.files import write_private


@dataclass(frozen=True)
class StackOptions:
    """What a stack is started with; kept in its folder, where the supervisor reads it."""

    dags: Path
    """Folder of DAG files."""
    include: Path
    """Folder with roles.yaml, repositories.yaml and prompts."""
    port: int | None = None
    """Of the UI and REST API; None: 8080 when it is free, else any."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Extra variables of Airflow's components; they win over everything else."""
    parallelism: int = 4
    """How many tasks may run at once."""
    fast: bool = False
    """For tests: no durability, and lost tasks are noticed within seconds."""

    def write(self, path: Path) -> None:
        """Keep the options, for the owner's eyes only: `env` may hold secrets."""
        write_private(path, json.dumps(asdict(self), default=str))

    @classmethod
    def read(cls, path: Path) -> "StackOptions":
        """Read what `write` wrote."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**data | {"dags": Path(data["dags"]), "include": Path(data["include"])})
