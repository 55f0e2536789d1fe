"""`bridle bisect`: what a person at a terminal is told, and with which exit code."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from bisect_bed import BisectBed

from bridle.harness.sweep import sweep
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository
from patience import until
from processes import alive, found

CHECK = "sleep 98765"


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
    begun = begin(bed, *words)
    out, err = begun.communicate(timeout=240)
    return subprocess.CompletedProcess(begun.args, begun.returncode, out, err)


def begin(bed: BisectBed, *words: str) -> "subprocess.Popen[str]":
    env = os.environ | {
        "BRIDLE_LEDGER_URL": bed.ledger.url,
        "AIRFLOW__BRIDLE__REPOSITORIES_FILE": str(bed.repositories),
        "AIRFLOW__BRIDLE__GATEWAY_MODE": "script",
        "AIRFLOW__BRIDLE__HOME": str(bed.folder / "here"),
    }
    command = [str(Path(sys.executable).with_name("bridle")), "bisect", *words]
    command += ["--state", str(bed.folder / "none")]
    return subprocess.Popen(
        ["env", "--default-signal=HUP", *command],  # also where the tests themselves run under nohup
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def check_of(search: "subprocess.Popen[str]") -> psutil.Process:
    """The check that a search is running, once it does."""
    below = psutil.Process(search.pid).children

    def checks() -> list[psutil.Process]:
        return found(lambda it: it.cmdline() == CHECK.split(), below(recursive=True))

    return until("a check has begun", checks, 240)[0]


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


def test_a_search_that_is_interrupted_or_whose_terminal_is_closed_is_at_once_told_as_stopped(
    bed: BisectBed,
) -> None:
    """To the whole process group, as a terminal sends it."""
    requests = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    searches = [begin(bed, "run-1", "--check", CHECK) for _ in requests]
    checks = [check_of(search) for search in searches]
    for search, request in zip(searches, requests, strict=True):
        os.killpg(search.pid, request)
    for search in searches:
        _, said = search.communicate(timeout=120)
        assert (search.returncode, said.splitlines()[-1]) == (130, "stopped; nothing is left running"), said
    rows = bed.ledger.bisects(bed.ledger.find_searched("run-1"))
    assert [row.state for row in rows] == ["stopped"] * 3
    assert {row.why for row in rows} == {"whoever searched at a terminal ended it"}
    assert all(row.closed_at is not None for row in rows)
    assert not any(alive(check) for check in checks)


def test_a_search_that_is_killed_is_closed_by_the_sweeper_once_its_lease_has_run_out(bed: BisectBed) -> None:
    ledger = bed.ledger
    killed = begin(bed, "run-1", "--check", CHECK)
    check_of(killed)
    killed.kill()
    killed.communicate(timeout=120)
    (lost,) = ledger.bisects(ledger.find_searched("run-1"))
    assert lost.state == "running"
    assert ledger.close_lost_bisects() == [], "not before the lease has run out"
    living = begin(bed, "run-1", "--check", CHECK)
    try:
        check_of(living)
        (other, _) = ledger.bisects(ledger.find_searched("run-1"))
        for row in (lost, other):  # as after a minute without a sign of life
            ledger.claim(row.lease, str(row.id), ttl_seconds=0)
        until("its lease is prolonged", lambda: ledger.holder(other.lease))
        told = sweep(bed.step("sweep"), lambda dag, run: None).summary
        assert "closed 0 lost sessions and 1 lost searches" in told
        lost, other = ledger.bisect(lost.id), ledger.bisect(other.id)
        assert (lost.state, lost.why.partition(":")[0]) == ("lost", "no heartbeat")
        assert lost.closed_at is not None
        assert other.state == "running", "who is alive prolongs its lease"
    finally:
        living.terminate()
        living.communicate(timeout=120)
