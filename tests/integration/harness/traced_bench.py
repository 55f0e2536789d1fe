"""Tries of a step in processes of their own, and the receiver that they send to."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from traced_step import SECRET

HERE = Path(__file__).parent
FIX = [
    {"text": f"The moon says {SECRET}.", "ops": [{"op": "read", "path": "calc.py"}]},
    {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
    {
        "text": "Changed calc.py.",
        "usage": {
            "input_tokens": 1000,
            "output_tokens": 20,
            "cache_read_tokens": 700,
            "cache_write_tokens": 200,
        },
    },
]


class Tried:
    """Runs tries of a step; each is a process that sends where it is told."""

    def __init__(self, folder: Path, ledger_url: str, endpoint: str) -> None:
        self.folder = folder
        self.ledger_url = ledger_url
        self.env = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "OTEL_TRACES_EXPORTER": "otlp_proto_http",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        }

    def script(self, *sessions: Any, **more: list[Any]) -> None:
        """Have the model say this in the step `implement`, and in others what `more` has."""
        every = ({"implement": list(sessions)} if sessions else {}) | more
        (self.folder / "script.yaml").write_text(yaml.safe_dump(every))

    def start(self, **options: Any) -> subprocess.Popen[str]:
        argv = [sys.executable, str(HERE / "traced_step.py"), str(self.folder), self.ledger_url]
        return subprocess.Popen([*argv, json.dumps(options)], env=self.env, stdout=subprocess.PIPE, text=True)

    def run(self, **options: Any) -> dict[str, Any]:
        with self.start(**options) as process:
            out, _ = process.communicate(timeout=240)
        assert process.returncode == 0
        return dict(json.loads(out.splitlines()[-1]))


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it does not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
