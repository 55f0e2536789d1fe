"""Tables and texts for the terminal: sums are right, and nothing in a text can steer the terminal."""

from decimal import Decimal

from rich.console import Console

from bridle.cli.report import StepCost, cost_table, diff_view, printable, text_panel, total
from bridle.ledger.records import Usage

CLASSIFY = StepCost("classify", "claude-haiku-4-5", 1, 1, Usage(900, 100), Decimal("0.0014"))
FIX = StepCost("fix.implement_1", "claude-sonnet-4-5", 2, 9, Usage(50_000, 900, 40_000), Decimal("0.0500"))
FETCH = StepCost("fetch_issue", "", 0, 0, Usage(), Decimal(0))
UNPRICED = StepCost("plan", "new-model", 1, 1, Usage(10, 1), None)


def shown(renderable: object) -> str:
    console = Console(width=140, force_terminal=False, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(renderable)
    return console.export_text()


def test_the_sum_adds_every_column() -> None:
    summed = total([CLASSIFY, FIX, FETCH])
    assert (summed.sessions, summed.calls, summed.cost_usd) == (3, 10, Decimal("0.0514"))
    assert (summed.usage.input_tokens, summed.usage.output_tokens) == (50_900, 1_000)


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    assert total([CLASSIFY, UNPRICED]).cost_usd is None
    assert "unknown price" in shown(cost_table([CLASSIFY, UNPRICED]))


def test_steps_without_a_model_are_shown_together_with_zero_tokens() -> None:
    text = shown(cost_table([FETCH, FIX, FETCH]))
    line = next(line for line in text.splitlines() if "2 without a model" in line)
    assert line.split()[-6:] == ["0", "0", "0", "0", "0", "$0.0000"]


def test_the_table_fits_an_ordinary_terminal() -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(cost_table([FETCH, CLASSIFY, FIX]))
    text = console.export_text()
    assert "fix.implement_1" in text
    assert "$0.0514" in text
    assert "…" not in text


def test_a_column_for_cached_tokens_is_there_only_when_some_were_cached() -> None:
    assert "cached" in shown(cost_table([FIX]))
    assert "cached" not in shown(cost_table([CLASSIFY]))


def test_the_table_ends_with_the_sum() -> None:
    text = shown(cost_table([CLASSIFY, FIX]))
    assert "$0.0514" in text
    assert "50,900" in text


def test_a_text_is_shown_as_it_is_and_not_as_markup() -> None:
    assert "[red]Fix #1[/]" in shown(text_panel("bridle/issue-1", "[red]Fix #1[/]"))


def test_escape_sequences_and_direction_marks_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\r\nd\te") == "a[2Jbc\nd       e"
    assert "\x1b[2J" not in shown(diff_view("+\x1b[2J"))
