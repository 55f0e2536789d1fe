"""The search for the turn: any one is found with few checks, and what is no single turn is not called one."""

import math
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.harness.bisect import FURTHER, most_checks, search, spread, widest

patient = settings(deadline=None)
"""A busy machine is no failure."""
COUNTS = st.integers(min_value=2, max_value=200)


class History:
    """Commits of which each passes or fails; `flaky` ones take turns."""

    def __init__(self, passing: Sequence[bool], flaky: Sequence[int] = ()) -> None:
        self.passing = passing
        self.flaky = set(flaky)
        self.looked: list[int] = []
        self.side_by_side = 0

    def __call__(self, positions: Sequence[int], *, again: bool) -> list[bool]:
        self.side_by_side = max(self.side_by_side, len(positions))
        return [self.look(position) for position in positions]

    def look(self, position: int) -> bool:
        times = self.looked.count(position)
        self.looked.append(position)
        return self.passing[position] ^ (position in self.flaky and times % 2 == 1)


def turned_bad(count: int, at: int) -> History:
    return History([position < at for position in range(count)])


@patient
@given(COUNTS, st.data())
def test_any_single_turn_is_found_with_no_more_checks_than_its_logarithm(
    count: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, count - 1))
    history = turned_bad(count, at)
    answer = search(count, history)
    assert (answer.outcome, answer.good, answer.bad) == ("found", at - 1, at)
    assert answer.searched <= most_checks(count) == math.ceil(math.log2(count + 1))
    assert answer.searched + answer.repeated == len(history.looked)


def test_forty_commits_take_at_most_six_checks_wherever_the_turn_is() -> None:
    assert [search(41, turned_bad(41, at), again=0).searched > 6 for at in range(42)] == [False] * 42


@patient
@given(COUNTS, st.integers(2, 9), st.data())
def test_checks_side_by_side_find_the_same_in_fewer_turns(count: int, jobs: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, count - 1))
    history = turned_bad(count, at)
    answer = search(count, history, jobs=jobs, again=0)
    assert (answer.outcome, answer.bad) == ("found", at)
    assert history.side_by_side <= jobs
    assert answer.searched <= jobs * math.ceil(math.log(count + 1, jobs + 1) + 1e-9) + jobs


@patient
@given(COUNTS, st.integers(1, 4))
def test_what_the_answer_rests_on_is_checked_twice(count: int, jobs: int) -> None:
    history = turned_bad(count, count // 2)
    answer = search(count, history, jobs=jobs)
    assert answer.good is not None and answer.bad is not None
    for position in {0, answer.good, answer.bad, count - 1}:
        assert history.looked.count(position) == 2


@patient
@given(COUNTS, st.integers(1, 4))
def test_a_history_that_never_turned_bad_is_called_good(count: int, jobs: int) -> None:
    answer = search(count, turned_bad(count, count), jobs=jobs)
    assert (answer.outcome, answer.good, answer.bad) == ("good", count - 1, None)


@patient
@given(COUNTS, st.integers(1, 4))
def test_a_history_that_was_bad_from_the_start_is_called_bad(count: int, jobs: int) -> None:
    answer = search(count, turned_bad(count, 0), jobs=jobs)
    assert (answer.outcome, answer.good, answer.bad) == ("bad", None, 0)


@patient
@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(1, 5))
def test_of_any_history_nothing_is_claimed_that_was_not_seen(passing: list[bool], jobs: int) -> None:
    history = History(passing)
    answer = search(len(passing), history, jobs=jobs)
    assert answer.flaky == ()
    if answer.outcome in ("found", "mixed"):
        assert passing[answer.good] and not passing[answer.bad] and answer.bad == answer.good + 1
        assert {answer.good, answer.bad} <= set(history.looked)
    if answer.outcome == "found":
        assert passing[0] and not passing[-1], "both ends were looked at"
    if answer.outcome == "good":
        assert passing[-1]
    if answer.outcome == "bad":
        assert not passing[0] and not passing[-1]
    for stretch in answer.seen:
        assert passing[stretch.first] == passing[stretch.last] == stretch.passed
        assert {stretch.first, stretch.last} <= set(history.looked)
    mended = any(left.passed < right.passed for left, right in pairwise(answer.seen))
    assert (answer.outcome == "mixed") == (mended and answer.bad is not None)
    assert len(history.looked) <= 2 * (4 + 2 * FURTHER) + (1 + FURTHER) * jobs * most_checks(len(passing))


@patient
@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(1, 5))
def test_a_search_that_looks_at_everything_behind_names_the_last_turn_of_any_history(
    passing: list[bool], jobs: int
) -> None:
    count = len(passing)
    last = max((at for at in range(1, count) if passing[at - 1] and not passing[at]), default=None)
    answer = search(count, History(passing), jobs=jobs, further=count)
    if not passing[-1] and last is not None:
        assert (answer.good, answer.bad) == (last - 1, last)
    elif not passing[-1]:
        assert answer.outcome == "bad", "and now that is known"


@patient
@given(COUNTS, st.integers(1, 4), st.data())
def test_work_that_began_bad_and_ended_good_is_called_good(
    count: int, jobs: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, count - 1))
    answer = search(count, History([position >= at for position in range(count)]), jobs=jobs)
    assert (answer.outcome, answer.good, answer.bad) == ("good", count - 1, None)


def test_a_history_that_was_mended_at_the_end_is_no_single_turn() -> None:
    answer = search(41, History([position < 10 or position == 40 for position in range(41)]))
    assert (answer.outcome, answer.bad) == ("mixed", 10)
    assert [each.passed for each in answer.seen] == [True, False, True]


@patient
@given(COUNTS, st.integers(1, 4), st.data())
def test_work_that_began_bad_was_mended_and_broke_again_is_told_with_the_turn_that_broke_it_again(
    count: int, jobs: int, data: st.DataObject
) -> None:
    """A stretch that no further look can miss: longer than the widest gap between them."""
    first = data.draw(st.integers(1, count // 3 + 1))
    last = data.draw(st.integers(min(first + count // 3 + 1, count - 1), count - 1))
    history = History([first <= position < last for position in range(count)])
    answer = search(count, history, jobs=jobs)
    if last > first:
        assert (answer.outcome, answer.good, answer.bad) == ("mixed", last - 1, last)
        assert [each.passed for each in answer.seen] == [False, True, False]


def test_work_that_went_wrong_was_mended_and_broke_again_is_not_called_a_single_turn() -> None:
    history = History([position < 15 or 25 <= position < 33 for position in range(41)])
    assert search(41, history, further=0).bad == 15, "as far as the search alone sees"
    answer = search(41, history)
    assert (answer.outcome, answer.good, answer.bad) == ("mixed", 32, 33)
    assert [each.passed for each in answer.seen] == [True, False, True, False]


def test_no_more_is_looked_at_than_was_asked_for_and_nothing_when_the_end_is_good() -> None:
    broken = turned_bad(200, 50)
    plain, more = search(200, turned_bad(200, 50), further=0), search(200, broken, further=7)
    assert more.repeated == plain.repeated + 7
    good = History([True] * 200)
    assert search(200, good).repeated == 1


@patient
@given(COUNTS, st.integers(1, 4), st.data())
def test_a_check_that_says_both_of_the_turn_is_called_flaky_and_the_commit_is_named(
    count: int, jobs: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, count - 1))
    history = turned_bad(count, at)
    history.flaky = {data.draw(st.sampled_from([0, at - 1, at, count - 1]))}
    answer = search(count, history, jobs=jobs)
    assert answer.outcome == "flaky"
    assert set(answer.flaky) == history.flaky


@patient
@given(st.integers(-1, 50), st.integers(2, 60), st.integers(1, 9))
def test_positions_to_look_at_lie_between_and_differ(good: int, gap: int, jobs: int) -> None:
    positions = spread(good, good + gap, jobs)
    assert positions == sorted(set(positions))
    assert positions and len(positions) <= jobs
    assert all(good < position < good + gap for position in positions)


@patient
@given(st.lists(st.integers(0, 60), min_size=1, max_size=20, unique=True), st.integers(0, 9))
def test_the_widest_gaps_are_looked_at_first(edges: list[int], number: int) -> None:
    middles = widest(edges, number)
    assert len(middles) <= number
    assert not set(middles) & set(edges) and len(set(middles)) == len(middles)
    gaps = sorted((right - left for left, right in pairwise(sorted(edges))), reverse=True)
    if middles:
        left = max(edge for edge in edges if edge < middles[0])
        assert middles[0] == left + gaps[0] // 2
    elif number:
        assert all(gap < 2 for gap in gaps)
