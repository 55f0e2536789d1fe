"""Shorthands for ledger tests."""

import subprocess
import sys

import pytest
from ledger_rows import make_attempt, make_start


@pytest.fixture
def opened(ledger):
    """(attempt, fence, session id) of an open session."""
    attempt = make_attempt()
    fence = ledger.take_step(attempt)
    return attempt, fence, ledger.open_session(make_start(attempt, fence))


@pytest.fixture
def python():
    """Starts Python programs as processes of their own; ends those that are left."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
