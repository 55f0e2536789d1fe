"""A run is told once, in the order in which it happened, and nothing of it is markup."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from rich.text import Text

from bridle.cli.narrate import Moment, Narrator, money
from bridle.ledger.records import Attempt, CheckRow, EventRow, StepKey, Totals, Usage
from bridle.local.rest import TaskInstance

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SESSION = uuid4()


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def task(task_id: str, state: str, start: float, end: float | None = None, **more: Any) -> TaskInstance:
    ended = None if end is None else at(end)
    return TaskInstance(
        task_id=task_id, state=state, start_date=at(start), end_date=ended, try_number=1, **more
    )


def event(seconds: float, kind: str, **payload: Any) -> EventRow:
    return EventRow(SESSION, int(seconds * 10), at(seconds), kind, payload)


def failed_check(seconds: float, id: UUID) -> CheckRow:
    attempt = Attempt(StepKey("issue_fix", "run", "fix.implement_1"), "ti", 1, 0)
    return CheckRow(
        id,
        attempt,
        SESSION,
        1,
        "tests",
        "python3 -m unittest",
        "c",
        1,
        0.42,
        "FAILED",
        None,
        False,
        at(seconds),
    )


def plain(lines: list[str]) -> list[str]:
    return [Text.from_markup(line).plain.strip() for line in lines]


def test_tasks_are_numbered_in_the_order_in_which_they_start() -> None:
    tasks = [task("classify", "running", 5), task("fetch_issue", "success", 1, 2)]
    assert plain(Narrator(number=4).tell(Moment(tasks))) == [
        "4  fetch_issue",
        "✓   fetch_issue 1.0 s",
        "5  classify",
    ]


def test_nothing_is_told_twice() -> None:
    narrator, check = Narrator(), failed_check(2, uuid4())
    moment = Moment([task("plan", "success", 1, 3)], checks=[check])
    assert narrator.tell(moment)
    assert narrator.tell(moment) == []


def test_events_come_between_the_start_and_the_end_of_their_task() -> None:
    moment = Moment(
        [task("investigate", "success", 1, 9)],
        events=[
            event(5, "tool_call", title="Read pantry/pricing.py", turn=2),
            event(3, "text", text="I look."),
        ],
    )
    assert plain(Narrator().tell(moment))[1:3] == ["I look.", "turn 2 · Read pantry/pricing.py"]


def test_a_failed_check_says_how_and_what_was_run() -> None:
    lines = plain(Narrator().tell(Moment([], checks=[failed_check(1, uuid4())])))
    assert lines == ["check tests: failed (exit 1) in 0.4 s · python3 -m unittest"]


def test_a_step_with_model_calls_ends_with_its_tokens_and_dollars() -> None:
    spent = {("classify", -1): Totals(1, Usage(900, 100), Decimal("0.0014"), 0)}
    lines = plain(Narrator().tell(Moment([task("classify", "success", 1, 2)], spent=spent)))
    assert lines[-1] == "✓   classify 1.0 s · 1,000 tokens · $0.0014"


def test_each_of_several_mapped_tasks_is_told_with_its_own_tokens() -> None:
    workers = [task("work", "success", index, index + 1, map_index=index) for index in range(2)]
    spent = {("work", index): Totals(1, Usage(100 + index, 0), Decimal("0.0010"), 0) for index in range(2)}
    assert plain(Narrator().tell(Moment(workers, spent=spent))) == [
        "1  work[0]",
        "✓   work[0] 1.0 s · 100 tokens · $0.0010",
        "2  work[1]",
        "✓   work[1] 1.0 s · 101 tokens · $0.0010",
    ]


def test_an_unknown_price_is_never_shown_as_zero() -> None:
    assert money(None) == "unknown price"


def test_a_task_that_was_skipped_or_has_not_begun_is_not_told() -> None:
    waiting = TaskInstance(task_id="report", state="scheduled")
    assert Narrator().tell(Moment([waiting, task("plan", "skipped", 1, 1)])) == []


def test_a_second_try_is_told_as_one() -> None:
    narrator = Narrator()
    narrator.tell(Moment([task("plan", "up_for_retry", 1, 2)]))
    again = TaskInstance(task_id="plan", state="success", start_date=at(5), end_date=at(6), try_number=2)
    assert plain(narrator.tell(Moment([again]))) == ["✓   plan 1.0 s"]


def test_what_a_model_says_cannot_style_the_terminal_or_fill_it() -> None:
    (line,) = Narrator().tell(
        Moment([], events=[event(1, "text", text="[red]x[/]\n\x1b[2J\u202e" + "y" * 500)])
    )
    shown = Text.from_markup(line).plain
    assert "[red]x[/]" in shown
    assert len(shown) < 130
    assert not {"\n", "\x1b", "\u202e"} & set(shown)


def test_events_without_words_for_people_are_left_out() -> None:
    assert (
        Narrator().tell(Moment([], events=[event(1, "usage", tokens=3), event(2, "tool_result", text="x")]))
        == []
    )
