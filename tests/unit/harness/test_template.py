"""Foreign words on a forge: they are read, and do nothing."""

import pytest

from bridle.harness.template import uncalled

JOINER = "\u2060"


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("Fixes #7, thanks @ada", f"Fixes #{JOINER}7, thanks @{JOINER}ada"),
        ("closes GH-7", f"closes GH-{JOINER}7"),
        ("Resolves acme/widgets#7", f"Resolves acme/widgets#{JOINER}7"),
        (
            "Closes https://github.com/acme/widgets/issues/7",
            f"Clos{JOINER}es https://github.com/acme/widgets/issues/7",
        ),
        ("FIX: [it](http://forge/a/b/issues/7)", f"FIX{JOINER}: [it](http://forge/a/b/issues/7)"),
    ],
)
def test_nobody_is_called_and_nothing_closed(text: str, inert: str) -> None:
    assert uncalled(text) == inert


@pytest.mark.parametrize(
    "text", ["see https://github.com/acme/widgets/issues/7", "# Fix the parser", "a fix for it", "a @ b"]
)
def test_what_does_nothing_stays_as_it_is(text: str) -> None:
    assert uncalled(text) == text
