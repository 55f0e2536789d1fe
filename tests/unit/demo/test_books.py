"""The demo compares the ledger with the scripted model's own count, task by task."""

import json
from pathlib import Path

from bridle.demo.books import Count, differences, journal_count


def test_only_answered_calls_are_counted_and_retries_of_them_not(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    answered = {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 40}
    lines = [
        {"task": "classify", "usage": answered},
        {"task": "fix.implement_1", "usage": None, "status": 529},
        {"task": "fix.implement_1", "usage": answered},
        {"task": "fix.implement_1", "usage": answered},
    ]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert journal_count(journal) == {"classify": Count(1, 100, 5), "fix.implement_1": Count(2, 200, 10)}


def test_equal_books_have_no_differences() -> None:
    assert differences({"classify": Count(1, 2, 3)}, {"classify": Count(1, 2, 3)}) == []


def test_a_task_with_zero_calls_equals_a_task_that_is_not_there() -> None:
    assert differences({"fetch_issue": Count()}, {}) == []


def test_each_disagreement_names_the_task_and_both_counts() -> None:
    (line,) = differences({"plan": Count(1, 2, 3)}, {"plan": Count(2, 4, 6)})
    assert line == "plan: the ledger has 1 calls, 2 + 3 tokens, the model counted 2 calls, 4 + 6 tokens"
