"""Metrics of steps in processes of their own: over OTLP, and as lines of StatsD."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from traced_bench import FIX, Tried, until

from bridle.ledger.queries import Queries
from bridle.ledger.store import Ledger
from bridle.testing.trace_receiver import ReceivedPoint, TraceReceiver
from metric_books import GAUGES, alike, booked, received
from patience import PATIENCE

DOCS = Path(__file__).parents[3] / "docs" / "traces.md"
WRONG = [{"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a * b + 1"}]}, {"text": "Done."}]
RIGHT = [{"ops": [{"op": "edit", "path": "calc.py", "old": "a * b + 1", "new": "a + b"}]}, {"text": "Done."}]
SLEEP = {"ops": [{"op": "shell", "command": "sleep 600"}]}
MODEL = "claude-sonnet-4-5"


@pytest.fixture
def metered(tried: Tried) -> Tried:
    """Tries whose metrics go out by OTLP, every 0.2 s, each count once."""
    tried.env |= {
        "AIRFLOW_HOME": str(tried.folder / "airflow"),
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    }
    return tried


def documented() -> dict[str, set[str]]:
    """Metric of the page on metrics to the names of its tags."""
    rows = re.findall(r"^\| (`bridle\.[^|]*) \|([^|]*)\|([^|]*)\|$", DOCS.read_text(), re.MULTILINE)
    told: dict[str, set[str]] = {}
    for names, kind, tags in rows:
        every = re.findall(r"`([^`]+)`", names)
        first = every[0]
        if "<outcome>" in first:
            every = [first.replace("<outcome>", outcome) for outcome in re.findall(r"`(\w+)`", kind)]
        for name in every:
            full = name if name.startswith("bridle.") else first.rpartition(".")[0] + name
            told[f"airflow.{full}"] = set(re.findall(r"[a-z_]+", re.sub(r"\(.*?\)", "", tags)))
    return told


def test_every_metric_of_the_docs_is_sent_and_says_what_the_ledger_has(
    metered: Tried, receiver: TraceReceiver
) -> None:
    """Sessions with every end; calls that fail, never end, or have no price; checks, answers, effects."""

    metered.script(
        done=[WRONG, RIGHT],
        falls_back=[[{**turn, "fail": [503] * 9, "failing": MODEL} for turn in FIX]],
        failed=[[{"text": ""}]],
        stopped=[[{"hang": True}]],
        killed=[[{"hang": True}]],
        unpriced=[FIX],
        limited=[FIX],
    )
    first: list[dict[str, object]] = [
        {"task": "done"},
        {"task": "falls_back", "fallback": ["anthropic:claude-haiku-4-5"]},
        {"task": "unpriced", "model": "anthropic:a-model-nobody-has-a-price-of"},
        {"task": "limited", "turns": 1},
        {"task": "failed"},
        {"task": "refused", "closed": "refused"},
        {"task": "stopped", "stops": True},
        {"task": "approve", "approval": True},
        {"task": "reject", "asks": True},
        {"task": "policy", "passes": True},
        {"task": "comment", "uncertain": True},
    ]
    told = metered.run(metrics=True, each=first)["each"]
    assert {one["task"]: came["error"] for one, came in zip(first, told, strict=True) if "error" in came} == {
        "limited": "BudgetSpent",
        "failed": "SessionFailed",
        "stopped": "StopRequested",
        "comment": "EffectUncertain",
    }
    _kill_in_mid_call(metered, task="killed")
    metered.script(killed=[FIX])
    again = [{"task": "killed"}, {"task": "reject", "rejects": True}]
    assert not any("error" in came for came in metered.run(metrics=True, tries=1, each=again)["each"])

    metrics = {name: those for name, those in receiver.metrics().items() if ".bridle." in name}
    assert {name: {key for point in those for key in point.tags} for name, those in metrics.items()} == (
        documented()
    )
    came = received(metrics, lambda _: True)
    with Queries(metered.ledger_url) as rows:
        books = booked(rows, "dag", "run")
    assert set(came) == set(books)
    for name, by_tags in books.items():
        assert alike(name, came[name], by_tags), (name, came[name], by_tags)
    for name in GAUGES:
        assert _last(metrics[name]) == dict.fromkeys(_last(metrics[name]), 0)


def test_gauges_say_what_is_at_work_and_what_waits_and_go_back_to_nothing(
    metered: Tried, receiver: TraceReceiver
) -> None:
    """Two sessions of a role side by side; a question that another process answers, one that is withdrawn."""

    def now(name: str, **tags: str) -> float | None:
        return _last(receiver.metrics().get(f"airflow.bridle.{name}", [])).get(frozenset(tags.items()))

    metered.run(metrics=True, task="approve", asks=True)
    assert now("reviews.waiting", dag_id="dag") == 1
    metered.run(metrics=True, task="approve", tries=1, rejects=True)
    assert now("reviews.waiting", dag_id="dag") == 0
    metered.run(metrics=True, task="another", asks=True)
    assert now("reviews.waiting", dag_id="dag") == 1
    metered.run(metrics=True, task="sweep", withdraws=True)
    assert now("reviews.waiting", dag_id="dag") == 0

    by = {"role": "implementer", "model": MODEL}
    metered.script([{"hang": True}], another=[[{"hang": True}]])
    with metered.start(metrics=True) as first:
        until(lambda: now("sessions.open", **by) == 1)
        with metered.start(metrics=True, task="another") as second, Ledger(metered.ledger_url) as ledger:
            until(lambda: now("sessions.open", **by) == 2)
            ledger.request_stop("run:dag/run", by="human:ada")
            assert (first.wait(PATIENCE), second.wait(PATIENCE)) == (0, 0)
    assert now("sessions.open", **by) == 0


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A port that StatsD may be sent to; what comes waits in it."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        yield listener


def lines(listener: socket.socket) -> list[str]:
    """What has come of Bridle's."""
    found: list[str] = []
    while True:
        try:
            found += listener.recv(65536).decode().splitlines()
        except BlockingIOError:
            return [line for line in found if line.startswith("airflow.bridle.")]


@pytest.mark.parametrize("tagged", [False, True])
def test_statsd_gets_the_same_by_role_and_model_with_tags_and_without(tried: Tried, tagged: bool) -> None:
    """Without, the tags' values end the name; what Airflow refuses in a name is taken out of them."""
    with listening() as listener:
        tried.env |= {
            "AIRFLOW_HOME": str(tried.folder / "airflow"),
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(listener.getsockname()[1]),
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": str(tagged),
        }
        fix = {"model": "anthropic:claude-sonnet-4.5:free"}
        tried.run(metrics=True, each=[fix, {"approval": True, "task": "approve"}])
        came = lines(listener)
    with Queries(tried.ledger_url) as rows:
        (session,) = rows.sessions()
        calls = rows.calls(session.id)
    tokens = [row.usage.input_tokens for row in calls if row.usage]
    assert len(tokens) == 3
    if tagged:
        by, also = ",role=implementer,model=claude-sonnet-4.5_free", ",provider=anthropic"
        dag, check, effect = ",dag_id=dag", ",check=tests", ",dag_id=dag,effect=comment"
        agent, ok, human = ",agent=api", ",status=ok", ",by=human"
    else:
        by, also = ".implementer.claude-sonnet-4_5_free", ".anthropic"
        dag, check, effect = ".dag", ".tests", ".dag.comment"
        agent, ok, human = ".api", ".ok", ".human"
    expected = [
        *(f"tokens.input{by}{also}:{count}|c" for count in tokens),
        *[f"call{by}{also}{ok}:1|c"] * 3,
        f"session.done{by}{agent}:1|c",
        f"sessions.open{by}:1|g",
        f"sessions.open{by}:0|g",
        f"check.passed{check}:1|c",
        f"review.approve{dag}{human}:1|c",
        f"reviews.waiting{dag}:1|g",
        f"reviews.waiting{dag}:0|g",
        f"effect.done{effect}:1|c",
    ]
    missing = [line for line in expected if f"airflow.bridle.{line}" not in came]
    assert missing == [], came
    assert len([line for line in came if ".duration" in line and line.endswith("|ms")]) == 3 + 1 + 1


def _kill_in_mid_call(metered: Tried, task: str) -> None:
    """Kill a step whose model hangs, once what it has done is sent."""
    with metered.start(metrics=True, task=task) as process:
        with Queries(metered.ledger_url) as rows:

            def asked() -> bool:
                at_work = [row for row in rows.sessions() if row.attempt.step.task_id == task]
                return any(rows.calls(row.id) for row in at_work)

            until(asked)
        process.kill()


def _last(points: list[ReceivedPoint]) -> dict[frozenset[tuple[str, str]], float]:
    return {frozenset(point.tags.items()): point.value for point in points}
