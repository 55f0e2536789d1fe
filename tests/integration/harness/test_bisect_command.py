"""`bridle bisect`: what a person at a terminal is told, and with which exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bisect_bed import BisectBed

from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository


@pytest.fixture
def bed(tmp_path: Path, ledger: Ledger) -> BisectBed:
    """A run of three rounds, of which the second went wrong."""
    user = GitRepository(tmp_path / "user" / "repository", {"README.md": "# board\n"})
    bed = BisectBed(tmp_path, ledger, user)
    for round, path in enumerate(("one.txt", "bad.txt", "three.txt"), start=1):
        bed.session([{path: "x\n"}], round=round)
    return bed


def bridle(bed: BisectBed, *words: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own: what Airflow's logging writes would show there."""
    env = os.environ | {
        "BRIDLE_LEDGER_URL": bed.ledger.url,
        "AIRFLOW__BRIDLE__REPOSITORIES_FILE": str(bed.repositories),
        "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
        "AIRFLOW__BRIDLE__HOME": str(bed.folder / "here"),
    }
    command = [str(Path(sys.executable).with_name("bridle")), "bisect", *words]
    command += ["--state", str(bed.folder / "none")]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=240)


def test_a_round_that_went_wrong_is_named_after_a_line_for_each_check(bed: BisectBed) -> None:
    done = bridle(bed, "run-1", "--check", "tests")
    assert done.returncode == 0, done.stderr
    assert "Round 2 went wrong" in done.stdout
    assert "searching run issue_fix/run-1" in done.stderr
    (row,) = bed.ledger.bisects(bed.ledger.find_searched("run-1"))
    told = [line for line in done.stderr.splitlines() if " passes " in line or " fails " in line]
    assert len(told) == len(bed.probes(row))


def test_a_command_is_a_check_and_scripts_read_json(bed: BisectBed) -> None:
    done = bridle(bed, "issue_fix/run-1", "--check", "test ! -e three.txt", "--json", "--again", "0")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["round"], told["check_name"]) == ("found", 3, "")
    assert told["command"] == "test ! -e three.txt"
    assert len(told["probes"]) == told["searched"] == 3


def test_when_nobody_is_to_blame_the_returncode_is_1_and_one_line_says_why(bed: BisectBed) -> None:
    fine = bridle(bed, "run-1", "--check", "lint")
    assert fine.returncode == 1
    assert "passes on the last commit" in " ".join(fine.stdout.split())
    unknown = bridle(bed, "no-such-run")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("bridle: the ledger has no run and no loop called 'no-such-run'")
    assert len(unknown.stderr.splitlines()) == 1
