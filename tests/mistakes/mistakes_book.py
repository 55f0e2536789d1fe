"""docs/errors.yaml: what each mistake is answered with, as the tests saw it."""

import re
from pathlib import Path

import pytest
import yaml
from mistakes_scene import Told

from bridle.config.starter import starter_dir

BOOK = Path(__file__).parents[2] / "docs" / "errors.yaml"
HOSTS = ("git-missing", "git-old", "disk-full", "loopback-blocked", "port-taken")
"""What test_hosts.py makes; the rest is test_mistakes.py's."""
HEAD = "# Written by `pytest tests/mistakes --write-messages`; docs/errors.md is made of it. Do not edit.\n"


def plain(message: str, folder: Path) -> str:
    """`message` without what differs from host to host and run to run."""
    places = {str(folder): "/srv/bridle", str(starter_dir()): "/usr/lib/bridle"}
    for place, told in places.items():
        message = message.replace(place, told)
    for pattern, told in _VARYING.items():
        message = re.sub(pattern, told, message)
    return " ".join(message.split())


_VARYING = {
    r"127\.0\.0\.1:\d{4,5}": "127.0.0.1:PORT",
    r"\bport \d{4,5}\b": "port PORT",
    r"\btest_[0-9a-f]{12}\b": "bridle",
    r"demo-shop-[0-9a-f]{10}": "demo-shop",
    r"(needs|knows only) \d{4}\b": r"\1 NEWEST",
    r"tmp_(pack|obj)_\w+": r"tmp_\1",
}


def recorded() -> dict[str, dict[str, str]]:
    """Mistake to what is on record."""
    return dict(yaml.safe_load(BOOK.read_text(encoding="utf-8")) or {}) if BOOK.exists() else {}


_NEXT = {True: "is tried again", False: "fails at once"}


def entry(mistake: str, told: Told, folder: Path) -> dict[str, str]:
    """What belongs on record."""
    return {
        "mistake": mistake,
        "error": told.kind,
        "message": plain(told.message, folder),
        "airflow": _NEXT[told.again] if told.kind != "StackError" else "",
    }


def keep(request: pytest.FixtureRequest, name: str, found: dict[str, str]) -> None:
    """Compare what was seen with what is on record, or put it there."""
    if request.config.getoption("--write-messages", default=False):
        text = yaml.safe_dump(recorded() | {name: found}, sort_keys=True, width=110, allow_unicode=True)
        BOOK.write_text(HEAD + text, encoding="utf-8")
    assert recorded().get(name) == found, "run: pytest tests/mistakes --write-messages"
