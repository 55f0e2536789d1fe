"""Tries of one step in a process of its own, whose host's file systems are small; prints what came of each.

    python full_disk.py FOLDER PLAN

PLAN is JSON: a list of tries, each with the shell command that goes before it, and its generation.
"""

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import psutil
from harness_bench import Bed

from bridle.agents.base import Limits
from bridle.config.roles import Role
from bridle.config.settings import Settings
from bridle.errors import BridleError, Transient
from bridle.harness.periodic import Periodic
from bridle.harness.step import open_step
from bridle.harness.work import work
from bridle.ledger.ids import new_id
from bridle.ledger.queries import Queries
from bridle.ledger.records import Attempt, StepKey
from bridle.testing.git_repository import GitRepository

WITH_SHELL = Role(agent="api", model="anthropic:claude-sonnet-4-5", tools=("read", "edit", "shell"))


def main(folder: Path, plan: list[dict[str, Any]]) -> None:
    """Do one try after the other."""
    tempfile.gettempdir()  # while there is room: Python looks for another folder when it finds none
    print(json.dumps([_tried(folder, number, **each) for number, each in enumerate(plan, start=1)]))


def _tried(folder: Path, number: int, *, before: str, generation: int) -> dict[str, Any]:
    subprocess.run(["/bin/sh", "-c", before], cwd=folder, check=True)
    attempt = Attempt(StepKey("dag", "run", "implement"), str(new_id()), number, generation)
    settings = Settings(
        home=folder / "host",
        include_dir=None,
        repositories_file=None,
        ledger_conn_id="bridle_ledger",
        gateway_mode="script",
        script=folder / "script.yaml",
        isolation="auto",
        allow_unsandboxed=False,
        checkpoint_seconds=0.5,
    )
    told: dict[str, Any] = {}
    try:
        with open_step(
            attempt, settings=settings, beside=None, budget_usd=None, stop=threading.Event()
        ) as step:
            here = Bed(folder, step.ledger, _user(folder), settings.script or folder, {}, step.stop)
            wanted = here.work(role=WITH_SHELL, limits=Limits(turns=10, minutes=4))
            with Periodic("kept", 0.1, lambda: _tell_agents(folder, here), stop=step.stop):
                result = work(step, wanted)
            told = {"commit": result.commit, "checks": result.checks}
    except BridleError as error:
        told = {"error": type(error).__name__, "message": str(error), "again": isinstance(error, Transient)}
    return told | {"left": _left(folder / "host")}


def _tell_agents(folder: Path, here: Bed) -> None:
    """Leave a file in the clone of each session that has a checkpoint: its command waits for that."""
    with Queries(here.ledger.url) as rows:
        for session in rows.sessions():
            git = folder / "host" / "sessions" / str(session.id) / "tree" / ".git"
            if session.checkpoint and git.is_dir():
                (git / "kept").touch()


def _left(home: Path) -> list[str]:
    """What is there that only a session at work may have."""
    folders = [*home.glob("sessions/*"), *Path(tempfile.gettempdir()).glob("bridle-*")]
    halves = [*home.rglob("tmp_obj_*"), *home.rglob("tmp_pack_*"), *home.rglob("fast_import_crash_*")]
    processes = psutil.Process().children(recursive=True)
    return [*map(str, folders), *map(str, halves), *map(str, processes)]


def _user(folder: Path) -> GitRepository:
    place = folder / "user" / "repository"
    test = "from calc import add\nassert add(2, 2) == 4, add(2, 2)\n"
    files = {"calc.py": "def add(a, b):\n    return a - b\n", "test_calc.py": test}
    return GitRepository(place, None if place.exists() else files)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
