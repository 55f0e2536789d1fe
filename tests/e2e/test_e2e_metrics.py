"""Metrics of tasks in a real Airflow, through its own exporter, as a real receiver gets them."""

import pytest
from e2e_processes import eventually
from e2e_scenario import CHECK, Scenario, edit
from e2e_stage import Stage
from e2e_world import World

from metric_books import Sums, Tags, alike, booked, received

DAG = "measured"
FIRST, SECOND = "claude-sonnet-4-5", "claude-haiku-4-5"
USAGE = {"input_tokens": 3000, "output_tokens": 70, "cache_read_tokens": 1000, "cache_write_tokens": 500}
OPEN, WAITING = "airflow.bridle.sessions.open", "airflow.bridle.reviews.waiting"


def play(stage: Stage) -> None:
    run = stage.start(DAG)
    run.answer("Approve")
    assert run.ended() == "success", run.failures()


def usually(turns: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{**turn, "usage": USAGE} for turn in turns]


# long enough for a gauge to be sent while it is at work; the first model is away in the second round
AT_WORK, *REST = edit("a - b", "a * b + 1")
ROUNDS = [
    usually([{**AT_WORK, "delay": 10}, *REST]),
    usually([{**turn, "fail": [503] * 9, "failing": FIRST} for turn in edit("a * b + 1", "a + b")]),
]
MEASURED = Scenario(
    "measured",
    play,
    script={"measured_fix": ROUNDS},
    settings={"checks": {"tests": CHECK, "measured": CHECK}},
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("stage", [MEASURED], indirect=True)]


def mine(tags: Tags) -> bool:
    """Nothing else in this Airflow is on these models, has this check, or is of this DAG."""
    told = dict(tags)
    return told.get("model") in (FIRST, SECOND) or DAG in (told.get("check"), told.get("dag_id"))


def values(world: World, gauge: str, **tags: str) -> list[float]:
    """What a gauge has said, one after the other."""
    return [point.value for point in world.receiver.metrics()[gauge] if point.tags == tags]


def test_every_counter_and_time_is_that_of_the_ledger(stage: Stage, world: World) -> None:
    """Sessions, calls, the fallback's failed ones, tokens, cost, checks, the answer and the comment."""
    books = booked(stage.ledger, DAG, stage.run.run_id)
    assert {name.removeprefix("airflow.bridle.") for name in books} == {
        *("session.done", "session.duration", "call", "call.duration", "cost.micro_usd"),
        *(f"tokens.{kind}" for kind in ("input", "output", "cache_read", "cache_creation")),
        *("check.passed", "check.failed", "check.duration"),
        *("review.approve", "review.wait", "effect.done"),
    }

    def complete() -> Sums:
        came = received(world.receiver.metrics(), mine)
        return came if set(came) == set(books) else {}

    came = eventually("every metric has come", complete, 180)
    for name, by_tags in books.items():
        assert alike(name, came[name], by_tags), (name, came[name], by_tags)
    models = {dict(tags)["model"] for tags in came["airflow.bridle.session.done"]}
    assert models == {FIRST, SECOND}


def test_gauges_rise_while_a_session_works_and_a_question_waits_and_fall_to_nothing(
    stage: Stage, world: World
) -> None:
    assert set(values(world, OPEN, role="explorer", model=FIRST)) == {0, 1}
    waiting = values(world, WAITING, dag_id=DAG)
    assert (waiting[0], waiting[-1]) == (1, 0)
    for model in (FIRST, SECOND):
        assert values(world, OPEN, role="explorer", model=model)[-1] == 0
