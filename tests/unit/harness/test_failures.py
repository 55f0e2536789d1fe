"""Which tests a check's output names, and when two failures are alike."""

import time

import pytest

from bridle.harness.failures import fingerprint, read_tests

OUTPUTS = {
    "tap": ("ok 1 - adds\nnot ok 2 - moves a card\n  ---\n  duration_ms: 2\n", "moves a card", "adds"),
    "node": (
        "✔ adds (1.2ms)\n✖ moves a card (0.3ms)\n✖ failing tests:\n\n✖ moves a card (0.3ms)\n",
        "moves a card",
        "adds",
    ),
    "pytest": ("t.py::adds PASSED\nFAILED t.py::moves - assert 1 == 2\n", "t.py::moves", "t.py::adds"),
    "go": (
        "--- PASS: TestAdds (0.00s)\n    --- FAIL: TestMoves/card (0.00s)\n",
        "TestMoves/card",
        "TestAdds",
    ),
    "unittest": ("FAIL: test_moves (t.Board)\n", "test_moves (t.Board)", None),
    "cargo": ("test adds ... ok\ntest moves ... FAILED\n", "moves", "adds"),
}


@pytest.mark.parametrize("runner", OUTPUTS)
def test_failing_and_passing_tests_are_found_by_name(runner: str) -> None:
    output, failing, passing = OUTPUTS[runner]
    found = read_tests(output)
    assert found.failing == (failing,)
    assert found.passing == ((passing,) if passing else ())


def test_blank_lines_are_read_in_no_time() -> None:
    # a check's output is the agent's: a few hundred thousand empty lines held up the task for minutes
    began = time.process_time()
    assert read_tests("\n" * 50_000 + "  not ok 1 - moves\n").failing == ("moves",)
    assert time.process_time() - began < 5  # a thousand times what it needs, and far less than the square


def test_an_output_without_names_has_none() -> None:
    assert read_tests("make: *** [all] Error 2\n").failing == ()


def test_a_test_named_by_its_file_has_the_same_name_in_every_clone() -> None:
    ran_in = "/var/bridle/sessions/check-9d438d0a-7f7f-4ee9-8de6-516b7eb37478/tree"
    assert read_tests(f"not ok 1 - {ran_in}/test/board.test.js\n").failing == ("test/board.test.js",)


def test_failures_are_alike_when_only_times_addresses_and_places_differ() -> None:
    one = fingerprint("Error at 0x7f3a in /tmp/a/b after 1.25 s: a is not b")
    assert fingerprint("Error at 0x91bc in /tmp/c/d after 9 s: a is not b") == one
    assert fingerprint("Error at 0x91bc in /tmp/c/d after 9 s: a is not c") != one
