"""One try of a step in a process of its own, traced and measured as in an Airflow task; prints what it took.

    python traced_step.py FOLDER LEDGER_URL OPTIONS

The SDK is set up from the environment, by Airflow's own code, if OPTIONS have `on`.
"""

import json
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness_bench import Bed

from bridle.agents.base import Limits
from bridle.config.roles import Role
from bridle.errors import BridleError
from bridle.guard.redact import Redactor
from bridle.harness.approval import ask, record_answer
from bridle.harness.work import work
from bridle.ledger.effects import Receipt, perform
from bridle.telemetry.watch import ledger_type, watched
from bridle.testing.git_repository import GitRepository

SECRET = "hunter2-is-the-secret"


def main(folder: Path, ledger_url: str, options: dict[str, Any]) -> None:
    """Do the step and say how it went."""
    stats, told = _stats() if options.get("metrics") else None, {}
    flush = _traces() if options.get("on") else lambda: None
    began = time.monotonic()
    with ExitStack() as stack:
        if options.get("on"):
            from opentelemetry import trace

            stack.enter_context(trace.get_tracer("airflow").start_as_current_span("worker.implement"))
        ledger = ledger_type(stats)(ledger_url, redactor=Redactor([SECRET]), spool=folder / "spool")
        stack.enter_context(ledger)
        here = Bed(folder, ledger, _user(folder), folder / "script.yaml", {}, threading.Event())
        here.tries = options.get("tries", 0)
        step = here.step(task=options.get("task", "implement"), generation=options.get("generation", 2))
        traced = stack.enter_context(
            watched(ledger, step.attempt, stats=stats, content=bool(options.get("content")))
        )
        object.__setattr__(step, "trace", traced)
        try:
            told = _done(step, here, options)
        except BridleError as error:
            told = {"error": type(error).__name__}
    told["seconds"] = time.monotonic() - began
    began = time.monotonic()
    flush()
    told["flush_seconds"] = time.monotonic() - began
    told["modules"] = sorted(name for name in sys.modules if name.startswith("opentelemetry"))
    print(json.dumps(told))


def _done(step: Any, here: Bed, options: dict[str, Any]) -> dict[str, Any]:
    if options.get("approval"):
        ask(step, subject="Go on?", commit="a" * 40, inputs={"issue": "the moon is made of cheese"})
        record_answer(step, commit="a" * 40, approved=True, by="ada", feedback="the moon is fine")
        receipt = Receipt(version="1", url="http://forge/1")
        perform(
            step.ledger,
            step.attempt,
            step.fence,
            key="comment:calc#1:m",
            version="1",
            kind="comment",
            target="calc#1",
            lookup=lambda: None,
            act=lambda: receipt,
        )
        return {}
    agent = options.get("agent", "api")
    role = Role(agent=agent, model=options.get("model", "anthropic:claude-sonnet-4-5"))
    if options.get("shell"):
        role = role.model_copy(update={"tools": ("read", "edit", "shell")})
    wanted = here.work(role=role, limits=Limits(turns=10, minutes=2))
    result = work(step, wanted)
    return {"session_id": result.session_id, "commit": result.commit}


def _user(folder: Path) -> GitRepository:
    place = folder / "user" / "repository"
    test = "from calc import add\nassert add(2, 2) == 4, add(2, 2)\n"
    files = {"calc.py": "def add(a, b):\n    return a - b\n", "test_calc.py": test}
    return GitRepository(place, None if place.exists() else files)


def _traces() -> Any:
    """Airflow's own set-up of OpenTelemetry, and its flush at the end of a task."""
    from configparser import ConfigParser

    from airflow.sdk._shared.observability.traces import configure_otel
    from opentelemetry import trace

    conf = ConfigParser()
    conf.read_dict({"traces": {"otel_on": "True"}})
    configure_otel(conf)
    return trace.get_tracer_provider().force_flush


def _stats() -> Any:
    """Airflow's own metrics, over OpenTelemetry; sent when the process ends."""
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import otel_logger

    stats.initialize(factory=otel_logger.get_otel_logger, export_legacy_names=False)
    return stats


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
