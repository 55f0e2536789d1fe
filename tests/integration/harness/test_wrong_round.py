"""Which round went wrong: real commits in a real ledger, searched with real checks on another host."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bisect_bed import LOOP, RUN, WHOLE_LOOP, BisectBed

from bridle.errors import InvalidInput, RepositoryError, StopRequested
from bridle.harness.wrong_round import Wanted, find_wrong_round
from bridle.ledger.queries import Queries
from bridle.ledger.records import StepKey
from bridle.ledger.searched import Searched
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository

Make = Callable[..., BisectBed]
BAD = {"bad.txt": "broken\n"}


@pytest.fixture
def bed(tmp_path: Path, ledger: Ledger) -> Make:
    """Makes histories of a small repository."""

    def make(**given: Any) -> BisectBed:
        user = GitRepository(tmp_path / "user" / "repository", {"README.md": "# board\n"})
        return BisectBed(tmp_path, ledger, user, **given)

    return make


def good(number: int) -> dict[str, str]:
    return {f"file-{number}.txt": f"{number}\n"}


@pytest.mark.parametrize("planted", [27])
def test_of_forty_rounds_the_one_that_went_wrong_is_found_with_six_checks(bed: Make, planted: int) -> None:
    history = bed()
    history.open_loop()
    made = {
        number: history.round(number, BAD if number == planted else good(number))[0]
        for number in range(1, 41)
    }
    found = history.search(WHOLE_LOOP)
    probes = history.probes(found)
    to_find = [probe for probe in probes if not probe.again]
    print(f"{found.commits} commits: {found.searched} checks to find it, {found.repeated} to make sure")
    print(found.why)
    assert (found.state, found.round, found.commits) == ("found", planted, 41)
    assert (found.commit, found.session_id) == (made[planted].commit, made[planted].id)
    assert found.good_commit == made[planted - 1].commit
    assert len(to_find) == found.searched <= 6
    assert (found.searched, found.repeated) == (len(to_find), len(probes) - len(to_find))
    with Queries(history.ledger.url) as queries:
        (decision,) = queries.decisions("goal_loop", f"{LOOP}-r{planted}")
        assert found.decision_id == decision.id
        checks = queries.checks(found.done_by_dag, found.done_by_run)
        assert {probe.check_run_id: probe.passed for probe in probes} == {
            check.id: check.exit_code == 0 for check in checks
        }
        assert queries.sessions(found.done_by_dag, found.done_by_run) == [], "no model has been called"
    for said in (f"Round {planted} went wrong", str(found.session_id), f"Round {planted} is needed"):
        assert said in found.why


def test_in_a_round_of_parallel_workers_the_one_whose_merge_broke_it_is_named(bed: Make) -> None:
    history = bed()
    history.open_loop()
    history.round(1, good(1), good(2), good(3))
    workers = history.round(2, good(4), BAD, good(5))
    history.round(3, good(6), good(7), good(8))
    found = history.search(WHOLE_LOOP)
    assert (found.state, found.round, found.session_id) == ("found", 2, workers[1].id)
    assert found.commit not in {worker.commit for worker in workers}, "it is the merge that is named"
    assert "work[1] (Write bad.txt)" in found.why
    of_the_run = history.search(Searched("goal_loop", f"{LOOP}-r2"))
    assert (of_the_run.state, of_the_run.session_id) == ("found", workers[1].id)
    assert (of_the_run.commits, found.commits) == (4, 10)


def test_in_a_single_run_the_checkpoint_that_broke_it_is_named_with_its_session_and_round(bed: Make) -> None:
    history = bed()
    history.session([good(1), good(2), good(3)], round=1)
    second = history.session([good(4), BAD, good(5), good(6)], round=2)
    history.session([good(7)], task="review_round")
    found = history.search(RUN)
    assert (found.state, found.round, found.session_id) == ("found", 2, second.id)
    assert found.commits == 9
    assert found.commit not in (second.commit, second.checkpoint)
    assert "Round 2 went wrong: checkpoint" in found.why


def test_a_run_that_was_interrupted_is_searched_up_to_its_last_checkpoint(bed: Make) -> None:
    history = bed()
    first = history.session([good(1), good(2)], commits=False)
    second = history.session([good(3), BAD, good(4)], commits=False, resumed=first)
    found = history.search(RUN)
    assert (found.commits, found.session_id) == (6, second.id)
    last = history.session([good(5)], resumed=second)
    again = history.search(RUN)
    assert (again.commit, again.session_id, again.commits) == (found.commit, second.id, 7)
    assert last.commit


def test_a_flaky_check_is_said_and_the_commit_named_and_no_round_is_blamed(bed: Make, tmp_path: Path) -> None:
    count = tmp_path / "count"
    every_other = tmp_path / "every-other.sh"
    every_other.write_text(f"n=$(cat {count} || echo 0)\necho $((n+1)) > {count}\ntest $((n % 2)) = 0\n")
    history = bed(checks={"tests": f"sh {every_other}"}, isolation="none")
    history.open_loop()
    for number in range(1, 9):
        history.round(number, good(number))
    found = history.search(WHOLE_LOOP)
    both = {
        probe.commit
        for probe in history.probes(found)
        if {other.passed for other in history.probes(found) if other.commit == probe.commit} == {True, False}
    }
    assert found.state == "flaky"
    assert set(found.flaky) == both != set()
    assert (found.commit, found.session_id, found.round) == (None, None, None)
    assert "is flaky" in found.why
    assert found.flaky[0][:10] in found.why


def test_checks_side_by_side_find_the_same(bed: Make) -> None:
    history = bed()
    history.open_loop()
    for number in range(1, 8):
        history.round(number, BAD if number == 4 else good(number))
    found = history.search(WHOLE_LOOP, jobs=3)
    probes = history.probes(found)
    assert (found.state, found.round) == ("found", 4)
    assert [probe.number for probe in probes] == list(range(1, len(probes) + 1))
    assert found.searched + found.repeated == len(probes)


def test_a_retry_goes_on_with_the_checks_that_have_run(bed: Make) -> None:
    history = bed()
    history.open_loop()
    for number in range(1, 9):
        history.round(number, BAD if number == 6 else good(number))
    key = StepKey("bridle_bisect", "b", "bisect")
    wanted = Wanted(WHOLE_LOOP, "tests", "human:ada")

    def interrupted(probe: Any) -> None:
        if probe.number == 3:
            raise StopRequested("as if the worker were gone")

    first = history.step("bisect", key=key)
    with pytest.raises(StopRequested):
        find_wrong_round(first, wanted, on_probe=interrupted)
    (row,) = history.ledger.bisects(WHOLE_LOOP)
    assert (row.state, row.why) == ("stopped", "as if the worker were gone")
    found = find_wrong_round(history.step("bisect", key=key), wanted)
    assert (found.id, found.state, found.round) == (row.id, "found", 6)
    assert len(history.probes(found)) == found.searched + found.repeated
    cleared = find_wrong_round(history.step("bisect", key=key, generation=3), wanted)
    assert cleared.id != found.id


def test_what_was_good_or_bad_all_along_is_said_as_it_is(bed: Make) -> None:
    history = bed()
    for number in range(1, 4):
        history.session([good(number)], round=number)
    fine = history.search(RUN)
    assert (fine.state, fine.commit) == ("good", None)
    assert "passes on the last commit" in fine.why
    wrong = history.search(RUN, "test -e nothing", command_allowed=True)
    assert (wrong.state, wrong.commit) == ("bad", None)
    assert "already, from which the work started" in wrong.why


def test_work_that_was_mended_later_is_not_called_a_single_turn(bed: Make) -> None:
    history = bed(checks={"tests": "test ! -s bad.txt"})
    history.open_loop()
    for number, files in enumerate([good(1), BAD, good(2), good(3), {"bad.txt": ""}], start=1):
        history.round(number, files)
    found = history.search(WHOLE_LOOP)
    assert (found.state, found.round) == ("mixed", 2)
    assert f"But this is mended: {history.head[:10]} passes" in found.why


def test_a_goal_that_was_missed_then_met_and_broke_again_names_the_round_that_broke_it_again(
    bed: Make,
) -> None:
    """The start of a loop fails as a rule: that is why there is a loop."""
    history = bed(checks={"tests": "test -s good.txt"})
    history.open_loop()
    there = {5: {"good.txt": "met"}, 7: {"good.txt": ""}}
    made = [history.round(number, there.get(number, good(number)))[0] for number in range(1, 9)]
    found = history.search(WHOLE_LOOP)
    assert (found.state, found.round, found.session_id) == ("mixed", 7, made[6].id), found.why
    assert (found.good_commit, found.commit) == (made[5].commit, made[6].commit)
    seen = {probe.commit: probe.passed for probe in history.probes(found)}
    assert (seen[str(found.good_commit)], seen[str(found.commit)]) == (True, False)
    assert "not the only turn, but the last that was seen" in found.why
    assert f"{str(made[7].commit)[:10]} fail. There may be more" in found.why


def test_what_cannot_be_searched_is_one_clear_error_and_is_on_record(bed: Make) -> None:
    history = bed()
    with pytest.raises(InvalidInput, match=r"no session of run issue_fix/run-1"):
        history.search(RUN)
    history.session([{}], task="investigate")
    with pytest.raises(InvalidInput, match=r"has made no commit that changes anything"):
        history.search(RUN)
    history.session([good(1)])
    with pytest.raises(RepositoryError, match=r"no check 'shell' in repositories.yaml; it has: tests, lint"):
        history.search(RUN, "shell")
    assert [row.state for row in history.ledger.bisects(RUN)] == ["failed"] * 3
    assert "no check 'shell'" in history.ledger.bisects(RUN)[0].why


def test_a_command_in_the_place_of_a_check_is_for_ones_own_machine_only(bed: Make) -> None:
    history = bed()
    history.session([good(1)])
    history.session([BAD], round=2)
    with pytest.raises(RepositoryError, match=r"no check 'test ! -e bad\.txt'"):
        history.search(RUN, "test ! -e bad.txt")
    assert history.search(RUN, "test ! -e bad.txt", command_allowed=True).state == "found"
