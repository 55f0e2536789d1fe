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
from bridle.errors import BridleError, EffectUncertain
from bridle.guard.redact import Redactor
from bridle.harness.approval import ask, pass_by_policy, record_answer
from bridle.harness.orphans import withdraw_questions
from bridle.harness.work import work
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.queries import Queries
from bridle.telemetry.watch import ledger_type, watched
from bridle.testing.git_repository import GitRepository
from bridle.testing.ledger import session_start

SECRET = "hunter2-is-the-secret"


def main(folder: Path, ledger_url: str, options: dict[str, Any]) -> None:
    """Do the step, or `each` of several one after the other, and say how it went."""
    stats = _stats() if options.get("metrics") else None
    flush = _traces() if options.get("on") else lambda: None
    began = time.monotonic()
    with ExitStack() as stack:
        if options.get("on"):
            from opentelemetry import trace

            stack.enter_context(trace.get_tracer("airflow").start_as_current_span("worker.implement"))
        told = [_tried(folder, ledger_url, stats, options | each) for each in options.get("each", [{}])]
    came = told[0] if "each" not in options else {"each": told}
    came["seconds"] = time.monotonic() - began
    began = time.monotonic()
    flush()
    came["flush_seconds"] = time.monotonic() - began
    came["modules"] = sorted(name for name in sys.modules if name.startswith("opentelemetry"))
    print(json.dumps(came))


def _tried(folder: Path, ledger_url: str, stats: Any, options: dict[str, Any]) -> dict[str, Any]:
    with ledger_type(stats)(ledger_url, redactor=Redactor([SECRET]), spool=folder / "spool") as ledger:
        here = Bed(folder, ledger, _user(folder), folder / "script.yaml", {}, threading.Event())
        here.tries = options.get("tries", 0)
        attempt = here.attempt(task=options.get("task", "implement"), generation=options.get("generation", 2))
        with watched(ledger, attempt, stats=stats, content=bool(options.get("content"))) as traced:
            step = here.step(attempt=attempt)
            object.__setattr__(step, "trace", traced)
            try:
                return _done(step, here, options)
            except BridleError as error:
                return {"error": type(error).__name__}


def _done(step: Any, here: Bed, options: dict[str, Any]) -> dict[str, Any]:
    if options.get("approval"):
        _ask(step)
        _answer(step, approved=True)
        _comment(step, lambda: None)
        return {}
    if options.get("asks"):
        _ask(step)
        return {}
    if options.get("rejects"):
        _answer(step, approved=False)
        _answer(step, approved=False)  # as a try does that was killed before Airflow knew
        return {}
    if options.get("withdraws"):
        withdraw_questions(step, lambda dag, run: "failed")
        return {}
    if options.get("passes"):
        pass_by_policy(step, "b" * 40, "nobody wanted to be asked")
        return {}
    if options.get("uncertain"):
        _comment(step, _cannot_tell, key="comment:calc#2:m")
    if outcome := options.get("closed"):
        session_id = step.ledger.open_session(session_start(step.attempt, step.fence))
        step.ledger.close_session(session_id, outcome=outcome)
        step.ledger.close_session(session_id, outcome=outcome)
        return {}
    agent = options.get("agent", "api")
    fallback = options.get("fallback", [])
    role = Role(agent=agent, model=options.get("model", "anthropic:claude-sonnet-4-5"), fallback=fallback)
    if options.get("shell"):
        role = role.model_copy(update={"tools": ("read", "edit", "shell")})
    if options.get("stops"):
        threading.Thread(target=_stop_in_mid_call, args=(step, here)).start()
    wanted = here.work(role=role, limits=Limits(turns=options.get("turns", 10), minutes=2))
    result = work(step, wanted)
    return {"session_id": result.session_id, "commit": result.commit}


def _stop_in_mid_call(step: Any, here: Bed) -> None:
    with Queries(here.ledger.url) as rows:

        def sessions() -> list[Any]:
            return [row for row in rows.sessions() if row.attempt.step == step.attempt.step]

        while not any(rows.calls(row.id) for row in sessions()):
            time.sleep(0.1)
    here.stop.set()


def _ask(step: Any) -> None:
    ask(step, subject="Go on?", commit="a" * 40, inputs={"issue": "the moon is made of cheese"})


def _answer(step: Any, *, approved: bool) -> None:
    record_answer(step, commit="a" * 40, approved=approved, by="ada", feedback="the moon is fine")


def _comment(step: Any, lookup: Any, key: str = "comment:calc#1:m") -> None:
    receipt = Receipt(version="1", url="http://forge/1")
    perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=key,
        version="1",
        kind="comment",
        target="calc#1",
        lookup=lookup,
        act=lambda: receipt,
    )


def _cannot_tell() -> None:
    raise EffectUncertain("the forge is away")


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
    """Airflow's own metrics, as its task runner sets them up; sent when the process ends."""
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    from bridle.operators.base import stats_in_force

    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    return stats_in_force()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
