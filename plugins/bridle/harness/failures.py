"""The tests that a check's output names, in the words of the common test runners."""

import hashlib
import re
from dataclasses import dataclass

NAMES = 200
"""How many names of one check are kept."""

# blanks before a name are [ \t]*: \s* runs over line ends, and an agent's million of them would take hours
_FAILED = (
    r"^[ \t]*not ok \d+ -? ?(?P<name>.+?)(?: # .*)?$",  # TAP, node --test
    r"^[ \t]*✖ (?P<name>.+?)(?: \(\d[\d.]*m?s\))?$",  # node's own reporter
    r"^(?:FAILED|ERROR) (?P<name>\S+)",  # pytest
    r"^[ \t]*--- FAIL: (?P<name>\S+)",  # go
    r"^(?:FAIL|ERROR): (?P<name>\S+ \(.+?\))",  # unittest
    r"^test (?P<name>\S+) \.\.\. FAILED",  # cargo
    r"^[ \t]*● (?P<name>.+)$",  # jest
)
_PASSED = (
    r"^[ \t]*ok \d+ -? ?(?P<name>.+?)(?: # .*)?$",
    r"^[ \t]*✔ (?P<name>.+?)(?: \(\d[\d.]*m?s\))?$",
    r"^(?P<name>\S+::\S+) PASSED",
    r"^[ \t]*--- PASS: (?P<name>\S+)",
    r"^test (?P<name>\S+) \.\.\. ok",
)
_SUMMARIES = {"failing tests:"}
_CHANGING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{7,40}\b|/\S+|\d+(?:\.\d+)?")
"""What differs between two runs that fail alike: addresses, commits, paths, numbers."""
_CLONE = re.compile(r"\S*/check-[0-9a-f-]{36}/tree/")
"""Where a check runs: another place each time, and no part of a test's name."""


@dataclass(frozen=True)
class Tests:
    """What a check's output says about single tests."""

    failing: tuple[str, ...]
    passing: tuple[str, ...]


def read_tests(output: str) -> Tests:
    """Names of the tests that failed and passed, sorted; both empty when the output names none."""
    failing = _names(_FAILED, output)
    return Tests(tuple(sorted(failing)[:NAMES]), tuple(sorted(_names(_PASSED, output) - failing)[:NAMES]))


def fingerprint(output: str) -> str:
    """The same for two outputs that differ in times, addresses and the like only."""
    same = _CHANGING.sub("", output)
    return hashlib.sha256(" ".join(same.split()).encode()).hexdigest()[:12]


def _names(patterns: tuple[str, ...], output: str) -> set[str]:
    found = (
        match["name"].strip() for pattern in patterns for match in re.finditer(pattern, output, re.MULTILINE)
    )
    return {_CLONE.sub("", name)[:120] for name in found if name not in _SUMMARIES}
