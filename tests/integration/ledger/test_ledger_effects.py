"""Outside writes: never twice, whoever is killed where."""

import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_rows import STEP, make_attempt

from bridle.errors import ConfigError, EffectUncertain, FenceLost, ForgeDown, StopRequested
from bridle.forge.access import TIMEOUT_SECONDS
from bridle.ledger.effect_log import SETTLE_SECONDS
from bridle.ledger.effects import Receipt, perform
from patience import PATIENCE


class World:
    """A folder; each write leaves a file of its own, so that doing it twice shows."""

    def __init__(self, folder: Path):
        self.folder = folder

    def writes(self):
        return sorted(path.read_text() for path in self.folder.glob("write-*"))

    def lookup(self):
        return next((Receipt(version, url="file:") for version in reversed(self.writes())), None)

    def act(self, version="v1"):
        (self.folder / f"write-{time.time_ns()}").write_text(version)
        return Receipt(version, url="file:", data={"n": len(self.writes())})


LATER = [{"generation": 1}, {"step": replace(STEP, run_id="manual__2")}]
"""A step that was cleared, and the same step of another run."""


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "world"
    folder.mkdir()
    return World(folder)


def do(ledger, attempt, fence, world, *, version="v1", lookup=None, act=None, settle_seconds=0.2):
    return perform(
        ledger,
        attempt,
        fence,
        key="comment:demo#7",
        version=version,
        kind="comment",
        target="demo#7",
        lookup=lookup or world.lookup,
        act=act or (lambda: world.act(version)),
        settle_seconds=settle_seconds,
    )


def test_a_write_happens_once_and_a_retry_gets_its_receipt(ledger, opened, world):
    attempt, fence, _ = opened
    first = do(ledger, attempt, fence, world)
    retry = make_attempt(2)
    assert do(ledger, retry, ledger.take_step(retry), world) == first
    assert world.writes() == ["v1"]
    row = ledger.effect("comment:demo#7")
    assert (row.state, row.version, row.attempt) == ("done", "v1", attempt)


@pytest.mark.parametrize("later", LATER)
def test_what_is_gone_from_the_world_is_written_again_by_a_cleared_task_or_another_run(
    ledger, opened, world, later
):
    """The sweeper takes the branch of a failed run back; clearing the task must be able to push it again."""
    attempt, fence, _ = opened
    do(ledger, attempt, fence, world)
    for path in world.folder.iterdir():
        path.unlink()
    retry = make_attempt(2)
    do(ledger, retry, ledger.take_step(retry), world)
    assert world.writes() == []  # a retry goes by the ledger
    again = make_attempt(3, **later)
    for _ in range(2):
        do(ledger, again, ledger.take_step(again), world)
        assert world.writes() == ["v1"]
    row = ledger.effect("comment:demo#7")
    assert (row.state, row.attempt) == ("done", again)


@pytest.mark.parametrize("later", LATER)
def test_what_the_world_still_has_is_not_written_again(ledger, opened, world, later):
    attempt, fence, _ = opened
    again = make_attempt(2, **later)
    do(ledger, attempt, fence, world)
    assert do(ledger, again, ledger.take_step(again), world).url == "file:"
    assert world.writes() == ["v1"]


def test_a_write_may_take_as_long_as_the_forge_may_and_nobody_repeats_it_meanwhile():
    assert SETTLE_SECONDS > TIMEOUT_SECONDS


def test_another_version_of_the_same_object_is_another_write(ledger, opened, world):
    attempt, fence, _ = opened
    do(ledger, attempt, fence, world)
    assert do(ledger, attempt, fence, world, version="v2").version == "v2"
    assert world.writes() == ["v1", "v2"]
    assert ledger.effect("comment:demo#7").version == "v2"


def test_what_is_in_the_world_already_is_not_written(ledger, opened, world):
    attempt, fence, _ = opened
    world.act()
    assert do(ledger, attempt, fence, world).version == "v1"
    assert world.writes() == ["v1"]


PROGRAM = """
import os, sys, time
from pathlib import Path
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger
url, folder, where, ti_id = sys.argv[1:]
def reached(place):
    if place == where:
        print("reached", flush=True)
        time.sleep(60)
class Stopping(Ledger):
    def effect_intend(self, *a, **k):
        row = super().effect_intend(*a, **k)
        reached("intended")
        return row
    def effect_done(self, *a, **k):
        reached("acted")
        super().effect_done(*a, **k)
        reached("done")
def act():
    reached("acting")
    (Path(folder) / f"write-{time.time_ns()}").write_text("v1")
    return Receipt("v1", url="file:")
ledger = Stopping(url)
attempt = Attempt(StepKey("issue_fix", "manual__1", "implement"), ti_id, 1, 0)
reached("before")
perform(ledger, attempt, ledger.take_step(attempt), key="comment:demo#7", version="v1", kind="comment",
        target="demo#7", lookup=lambda: None, act=act)
"""


@pytest.mark.parametrize("where", ["before", "intended", "acting", "acted", "done"])
def test_killed_anywhere_the_next_attempt_makes_it_exactly_once(ledger, ledger_url, world, python, where):
    victim = python(PROGRAM, ledger_url, world.folder, where, make_attempt().ti_id)
    assert victim.stdout.readline() == "reached\n"
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    retry = make_attempt(2)
    assert do(ledger, retry, ledger.take_step(retry), world).version == "v1"
    assert world.writes() == ["v1"]
    assert ledger.effect("comment:demo#7").state == "done"


def test_a_newer_attempt_waits_for_a_write_that_is_under_way(ledger, ledger_url, world, python):
    """Airflow may start try 2 while try 1 is in the middle of its request."""
    slow = PROGRAM.replace("time.sleep(60)", "time.sleep(1)")
    first = python(slow, ledger_url, world.folder, "acting", make_attempt().ti_id)
    assert first.stdout.readline() == "reached\n"
    retry = make_attempt(2)
    receipt = do(ledger, retry, ledger.take_step(retry), world, settle_seconds=PATIENCE)
    assert receipt.version == "v1"
    assert world.writes() == ["v1"]
    assert first.wait(PATIENCE) == 0


def test_a_write_may_take_its_whole_time_however_long_the_look_before_it_took(ledger, opened, world):
    attempt, fence, _ = opened

    def settled_in(number):
        """Seconds for which the write may still be under way, as a newer attempt sees it."""
        retry = make_attempt(number)
        fence = ledger.take_step(retry)
        return ledger.effect_intend(
            retry, fence, "comment:demo#7", "v1", "comment", "demo#7", settle_seconds=PATIENCE
        ).settled_in

    began = []

    def lookup():
        time.sleep(0.5)
        began.append(time.monotonic())

    def act():
        left, passed = settled_in(2), time.monotonic() - began[0]
        assert left >= PATIENCE - passed, "the time of the look is taken from that of the write"
        return world.act()

    do(ledger, attempt, fence, world, lookup=lookup, act=act)


def test_of_two_runs_at_one_object_the_one_that_looked_longer_looks_again(ledger, opened, world):
    attempt, fence, _ = opened
    looks = []

    def lookup():
        looks.append(world.lookup())
        if len(looks) == 1:
            time.sleep(0.3)
            other = make_attempt(2, step=replace(STEP, run_id="manual__2"))
            do(ledger, other, ledger.take_step(other), world, lookup=lambda: None)
        return looks[-1]

    assert do(ledger, attempt, fence, world, lookup=lookup).version == "v1"
    assert (len(looks), world.writes()) == (2, ["v1"])


def test_what_an_older_attempt_found_is_not_taken_for_what_a_newer_one_wants(ledger, opened, world):
    attempt, fence, _ = opened
    world.act("v1")
    newer = make_attempt(2)

    def lookup():
        # as after 30 s
        taken = ledger.take_step(newer)
        ledger.effect_intend(newer, taken, "comment:demo#7", "v2", "comment", "demo#7", settle_seconds=0)
        return world.lookup()

    with pytest.raises(FenceLost):
        do(ledger, attempt, fence, world, lookup=lookup)
    assert ledger.effect("comment:demo#7").state == "intended"
    retry = make_attempt(3)
    do(ledger, retry, ledger.take_step(retry), world, version="v2")
    assert world.writes() == ["v1", "v2"]


def test_an_older_attempt_does_not_act_once_a_newer_one_has_the_step(ledger, opened, world):
    attempt, fence, _ = opened

    def lookup():
        ledger.take_step(make_attempt(2))

    with pytest.raises(FenceLost):
        do(ledger, attempt, fence, world, lookup=lookup)
    assert world.writes() == []


@pytest.mark.parametrize("scope", ["all", STEP.run_scope, STEP.scope])
def test_a_stop_between_intent_and_act_is_heard(ledger, opened, world, scope):
    attempt, fence, _ = opened
    with pytest.raises(StopRequested):
        do(ledger, attempt, fence, world, lookup=lambda: ledger.request_stop(scope, "human:ada"))
    assert world.writes() == []


def test_a_failing_act_leaves_an_intent_and_the_world_decides_next_time(ledger, opened, world):
    attempt, fence, _ = opened

    def cut():
        world.act()
        raise ForgeDown("the answer never came")

    with pytest.raises(ForgeDown):
        do(ledger, attempt, fence, world, act=cut)
    assert ledger.effect("comment:demo#7").state == "intended"
    do(ledger, attempt, fence, world)
    assert world.writes() == ["v1"]


def test_what_nobody_can_tell_stays_uncertain_until_a_person_says(ledger, opened, world):
    attempt, fence, _ = opened

    def cannot_tell():
        raise EffectUncertain("the search index answers 503")

    with pytest.raises(EffectUncertain, match="503"):
        do(ledger, attempt, fence, world, lookup=cannot_tell)
    with pytest.raises(EffectUncertain, match="resolve it"):
        do(ledger, attempt, fence, world)
    assert world.writes() == []
    ledger.effect_resolve("comment:demo#7", by="human:ada", receipt=None)
    do(ledger, attempt, fence, world)
    assert world.writes() == ["v1"]


def test_a_person_may_also_say_that_it_happened(ledger, opened, world):
    attempt, fence, _ = opened
    ledger.effect_intend(attempt, fence, "comment:demo#7", "v1", "comment", "demo#7")
    ledger.effect_uncertain("comment:demo#7", "who knows")
    ledger.effect_resolve(
        "comment:demo#7", by="human:ada", receipt={"version": "v1", "url": "file:x", "data": {}}
    )
    assert do(ledger, attempt, fence, world).url == "file:x"
    cleared = make_attempt(2, generation=1)
    assert do(ledger, cleared, ledger.take_step(cleared), world).url == "file:x"
    assert world.writes() == []


def test_an_effect_that_was_never_intended_cannot_be_done(ledger):
    with pytest.raises(ConfigError, match="never intended"):
        ledger.effect_done("nothing", {})
    assert ledger.effect("nothing") is None
