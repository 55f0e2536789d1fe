"""Where a line of commits turned bad: as few checks as can be, and none of them believed blindly.

Nothing is assumed of the two ends: `count` commits may have turned bad at any one of them, or at none, and
`ceil(log2(count + 1))` checks, one after the other, tell which. What the answer rests on is then checked
again, and some commits behind the turn are looked at: one that passes there means that it turned more than
once, and the last turn is what the state now is due to.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal, Protocol

Outcome = Literal["found", "good", "bad", "mixed", "flaky"]
"""`found`: it turned bad once. `good`: it passes at the end. `bad`: it fails at the start, and at the end.
`mixed`: it turned good in between. `flaky`: the check said both of one commit, so nothing is known."""

FURTHER = 4
"""How many commits behind the turn are looked at, unless somebody says otherwise."""


class Check(Protocol):
    """Whatever looks at commits."""

    def __call__(self, positions: Sequence[int], *, again: bool) -> Sequence[bool]:
        """Whether each of these passes; they may be looked at side by side.

        Args:
            positions: of the commits, from 0 for the one before everything.
            again: whether it is to make sure of what was found, and not to find it.
        """


@dataclass(frozen=True)
class Stretch:
    """Commits that all say the same, as far as they were checked."""

    first: int
    """Its first position that was checked."""
    last: int
    passed: bool


@dataclass(frozen=True)
class Answer:
    """What a search came to."""

    outcome: Outcome
    good: int | None
    """The position that passes right before `bad`; None: there is none."""
    bad: int | None
    """The first position that fails, behind `good`: where it turned bad last, as far as was seen. None: none
    fails at the end."""
    flaky: tuple[int, ...]
    """Positions that passed once and failed once."""
    seen: tuple[Stretch, ...]
    """Everything that was checked, in the order of the commits; empty when it is flaky."""
    searched: int
    """Checks that it took to find this."""
    repeated: int
    """Checks that were run besides, to make sure of it."""


def most_checks(count: int) -> int:
    """How many checks a search with one job takes at most, without those that make sure of its answer."""
    return count.bit_length()  # = ceil(log2(count + 1))


def search(count: int, check: Check, *, jobs: int = 1, again: int = 1, further: int = FURTHER) -> Answer:
    """Find where `count` commits in order turned bad; of several turns that are seen, the last.

    Args:
        count: how many there are, the one before everything included.
        check: looks at them.
        jobs: how many may be looked at side by side; more of them take fewer turns and more checks.
        again: how many times more to check what the answer rests on: the commits on both sides of the turn,
            the first and the last of all. 0: the ends may then not have been checked at all, and nothing
            further is.
        further: how many commits between the turn and the end to look at for one that passes; with `count`,
            there is no later turn than the one that is named.
    """
    seen = _Seen(check, jobs)
    good, bad = seen.turn(-1, count)  # neither is a commit: nothing is known of the ends
    if again > 0:
        seen.make_sure(_rests_on(good, bad, count), 1 + again)
        while positions := seen.unseen(bad, count - 1, min(jobs, further)):
            further -= len(positions)
            later = seen.later_turn(positions)
            if later is not None:
                good, bad = seen.turn(*later)
                seen.make_sure([good, bad], 1 + again)
    return seen.answer(good, bad, count)


def spread(good: int, bad: int, jobs: int) -> list[int]:
    """At most `jobs` positions between two others that part what lies between as evenly as can be."""
    parts = min(jobs, bad - good - 1) + 1
    return [good + (bad - good) * part // parts for part in range(1, parts)]


def widest(edges: Sequence[int], number: int) -> list[int]:
    """At most so many positions in the middle of the widest gaps between others; of equals, in the last."""
    parted, middles = sorted(edges), []
    for _ in range(number):
        width, edge = max(((right - left, left) for left, right in pairwise(parted)), default=(0, 0))
        if width < 2:
            break
        middles.append(edge + width // 2)
        insort(parted, middles[-1])
    return middles


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

    def turn(self, good: int, bad: int) -> tuple[int, int]:
        """Two neighbours within these two, the earlier of which passes, and the later fails."""
        while bad - good > 1:
            good, bad = self._narrowed(good, bad)
        return good, bad

    def unseen(self, bad: int, last: int, number: int) -> list[int]:
        """At most so many positions behind `bad` of which nothing is known; none once there is no need."""
        failing = [place for place, passed in self._known() if place >= bad and not passed]
        return [] if self._flaky() or last not in failing else widest(failing, number)

    def later_turn(self, positions: Sequence[int]) -> tuple[int, int] | None:
        """Two within which it turned bad again, after a look at these; None: all of them fail."""
        self._look(positions, again=True)
        self._repeated += len(positions)
        passing = max((place for place in positions if True in self._results[place]), default=None)
        if passing is None:
            return None
        return passing, min(place for place, passed in self._known() if place > passing and not passed)

    def _narrowed(self, good: int, bad: int) -> tuple[int, int]:
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
        flaky = self._flaky()
        seen = () if flaky else self._stretches()
        mended = any(left.passed < right.passed for left, right in pairwise(seen))
        if good < 0 and True in self._results[count - 1]:
            good, bad = count - 1, count  # what failed at the start was made good later
        return Answer(
            outcome=_outcome(good, bad, count, flaky=bool(flaky), mended=mended),
            good=good if good >= 0 else None,
            bad=bad if bad < count else None,
            flaky=flaky,
            seen=seen,
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

    def _known(self) -> list[tuple[int, bool]]:
        """Each position that was looked at, in order, and what it said first."""
        return [(place, self._results[place][0]) for place in sorted(self._results) if self._results[place]]

    def _stretches(self) -> tuple[Stretch, ...]:
        grouped = ((passed, list(each)) for passed, each in groupby(self._known(), key=lambda one: one[1]))
        return tuple(Stretch(each[0][0], each[-1][0], passed) for passed, each in grouped)


def _outcome(good: int, bad: int, count: int, *, flaky: bool, mended: bool) -> Outcome:
    if flaky:
        return "flaky"
    if bad == count:
        return "good"
    if good < 0:
        return "bad"
    return "mixed" if mended else "found"
