"""Where a line of commits turned bad: as few checks as can be, and none of them believed blindly.

Nothing is assumed of the two ends: `count` commits may have turned bad at any one of them, or at none, and
`ceil(log2(count + 1))` checks, one after the other, tell which. What the answer rests on is then checked
again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Outcome = Literal["found", "good", "bad", "mixed", "flaky"]
"""`found`: it turned bad once. `good`: it passes at the end. `bad`: it fails at the start, and at the end.
`mixed`: it turned good in between. `flaky`: the check said both of one commit, so nothing is known."""


class Check(Protocol):
    """Whatever looks at commits."""

    def __call__(self, positions: Sequence[int], *, again: bool) -> Sequence[bool]:
        """Whether each of these passes; they may be looked at side by side.

        Args:
            positions: of the commits, from 0 for the one before everything.
            again: whether it is to make sure of something known, and not to find something out.
        """


@dataclass(frozen=True)
class Answer:
    """What a search came to."""

    outcome: Outcome
    good: int | None
    """The position that passes right before `bad`; None: there is none."""
    bad: int | None
    """The first position that fails, behind `good`; None: none does at the end."""
    flaky: tuple[int, ...]
    """Positions that passed once and failed once."""
    mended: tuple[int, int] | None
    """A position that fails and a later one that passes, where there is such a pair."""
    searched: int
    """Checks that it took to find this."""
    repeated: int
    """Checks that were run besides, to make sure of it."""


def most_checks(count: int) -> int:
    """How many checks a search with one job takes at most, without those that make sure of its answer."""
    return count.bit_length()  # = ceil(log2(count + 1))


def search(count: int, check: Check, *, jobs: int = 1, again: int = 1) -> Answer:
    """Find where `count` commits in order turned bad.

    Args:
        count: how many there are, the one before everything included.
        check: looks at them.
        jobs: how many may be looked at side by side; more of them take fewer turns and more checks.
        again: how many times more to check what the answer rests on: the commits on both sides of the turn,
            the first and the last of all. 0: the ends may then not have been checked at all.
    """
    seen = _Seen(check, jobs)
    good, bad = -1, count  # neither is a commit: nothing is known of the ends
    while bad - good > 1:
        good, bad = seen.narrowed(good, bad)
    if again > 0:
        seen.make_sure(_rests_on(good, bad, count), 1 + again)
    return seen.answer(good, bad, count)


def spread(good: int, bad: int, jobs: int) -> list[int]:
    """At most `jobs` positions between two others that part what lies between as evenly as can be."""
    parts = min(jobs, bad - good - 1) + 1
    return [good + (bad - good) * part // parts for part in range(1, parts)]


def _rests_on(good: int, bad: int, count: int) -> list[int]:
    if bad == count:
        return [good]
    return sorted({0, max(good, 0), bad, count - 1})


class _Seen:
    """Every result so far."""

    def __init__(self, check: Check, jobs: int) -> None:
        self._check = check
        self._jobs = jobs
        self._results: dict[int, list[bool]] = defaultdict(list)
        self._searched = self._repeated = 0

    def narrowed(self, good: int, bad: int) -> tuple[int, int]:
        """The last turn for the worse within these two, after another look in between."""
        positions = spread(good, bad, self._jobs)
        passed = dict(zip(positions, self._look(positions, again=False), strict=True))
        self._searched += len(positions)
        good = max((place for place in positions if passed[place]), default=good)
        return good, min((place for place in positions if place > good), default=bad)

    def make_sure(self, positions: Sequence[int], times: int) -> None:
        """Look until each has been seen so often, or one has been seen both ways."""
        while wanted := [place for place in positions if len(self._results[place]) < times]:
            batch = wanted[: self._jobs]
            self._look(batch, again=True)
            self._repeated += len(batch)
            if self._flaky():
                return

    def answer(self, good: int, bad: int, count: int) -> Answer:
        """What all of it comes to."""
        flaky, mended = self._flaky(), self._mended()
        if good < 0 and True in self._results[count - 1]:
            good, bad = count - 1, count  # what failed at the start was made good later
        return Answer(
            outcome=_outcome(good, bad, count, flaky=bool(flaky), mended=mended is not None),
            good=good if good >= 0 else None,
            bad=bad if bad < count else None,
            flaky=flaky,
            mended=mended,
            searched=self._searched,
            repeated=self._repeated,
        )

    def _look(self, positions: Sequence[int], *, again: bool) -> Sequence[bool]:
        found = self._check(positions, again=again)
        for place, passed in zip(positions, found, strict=True):
            self._results[place].append(passed)
        return found

    def _flaky(self) -> tuple[int, ...]:
        return tuple(sorted(place for place, found in self._results.items() if len(set(found)) > 1))

    def _mended(self) -> tuple[int, int] | None:
        failing = min((place for place, found in self._results.items() if False in found), default=None)
        passing = max((place for place, found in self._results.items() if True in found), default=None)
        if failing is None or passing is None or passing <= failing:
            return None
        return failing, passing


def _outcome(good: int, bad: int, count: int, *, flaky: bool, mended: bool) -> Outcome:
    if flaky:
        return "flaky"
    if bad == count:
        return "good"
    if good < 0:
        return "bad"
    return "mixed" if mended else "found"
