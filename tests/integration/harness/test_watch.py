"""Every issue that wants to be worked on becomes one run, whatever happens to forge, ledger and Airflow."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness_bench import Bed

from bridle.config.repositories import Repositories, Repository
from bridle.errors import CredentialError, ForgeDown
from bridle.harness.watch import NEEDS_HUMAN, watch
from bridle.ledger.store import Ledger
from bridle.ledger.watches import SUCCEEDED, Cause, run_id_of
from bridle.operators.watch import run_of
from bridle.testing.git_repository import GitRepository
from bridle.testing.github_server import TOKEN, GitHubServer

NAME = "acme/widgets"
LIST = f"/repos/{NAME}/issues$"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Airflow:
    """The part of it that counts here: a run id is taken once, and a run has a state."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def trigger(self, attempts: list[str]) -> None:
        for attempt in attempts:
            run_id = run_of(attempt)["trigger_run_id"]
            with self._lock:
                self.asked[run_id] += 1
                self.runs.setdefault(run_id, "running")

    def end(self, state: str = "success") -> None:
        self.runs = {run: state if was == "running" else was for run, was in self.runs.items()}


class Office:
    """A repository on the stand-in with its watch."""

    def __init__(self, bed: Bed, server: GitHubServer) -> None:
        self.bed, self.server, self.airflow, self.minute = bed, server, Airflow(), 0
        self.settings: dict[str, Any] = {"at_most": 30}

    @property
    def repository(self) -> Repository:
        return self.repository_called(NAME)

    def repository_called(self, name: str) -> Repository:
        entry = {"checks": {"t": "true"}, "connection": "watched_github", "watch": self.settings}
        return Repositories.model_validate({"repositories": {name: entry}}).get(name)

    def issue(
        self,
        number: int,
        *,
        repository: str = NAME,
        events: int = 1,
        history: list[dict[str, Any]] | None = None,
        **fields: Any,
    ) -> None:
        """An issue as somebody has just left it."""
        self.minute += 1
        told = {
            "title": f"Issue {number}",
            "author_association": "OWNER",
            "labels": ["bridle"],
            "updated_at": (START + timedelta(minutes=self.minute)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "events": history
            or [
                {"id": number * 1000 + count, "event": "labeled", "label": {"name": "bridle"}}
                for count in range(events)
            ],
        }
        self.server.add_issue(repository, number, **{**told, **fields})

    def look(self) -> str:
        """One run of the watch, with what it starts."""
        result = self.plan()
        self.airflow.trigger(result.start)
        return result.summary

    def plan(self, *more: str) -> Any:
        step = self.bed.step(task=f"look-{threading.get_ident()}-{self.bed.tries}")
        watched = [self.repository, *map(self.repository_called, more)]
        return watch(step, watched, self.airflow.runs.get)

    def worked_on(self, numbers: range) -> None:
        """As if earlier runs had dealt with these."""
        ledger = self.bed.ledger
        before = ledger.last_look(NAME)
        assert before is not None
        last = (START + timedelta(minutes=self.minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        causes = [Cause(number, f"event-{number}000") for number in numbers]
        for attempt in ledger.looked(NAME, replace(before, etag="", cursor=last), causes):
            ledger.set_attempt(attempt, SUCCEEDED)

    def requests(self) -> list[str]:
        return [entry["path"] for entry in self.server.journal()]


@pytest.fixture
def office(tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    user = GitRepository(tmp_path / "user" / "repository", {"a.txt": "a\n"})
    bed = Bed(tmp_path, ledger, user, tmp_path / "script.yaml", {}, threading.Event())
    with GitHubServer(tmp_path / "github.json") as server:
        monkeypatch.setenv(
            "AIRFLOW_CONN_WATCHED_GITHUB",
            f'{{"conn_type":"github","password":"{TOKEN}","host":"{server.api}"}}',
        )
        yield Office(bed, server)


def test_twelve_new_ones_among_three_hundred_are_twelve_runs(office: Office) -> None:
    """With looks that overlap, a 502, a secondary rate limit, a restart, and a start that got lost."""
    office.issue(1)
    office.look()
    for number in range(2, 289):
        office.issue(number)
    office.worked_on(range(2, 289))
    assert office.look() == "nothing to do"
    for number in range(289, 301):
        office.issue(number)
    office.issue(5, comments=[{"body": "Thank you!"}])  # changed, and nothing to do with us
    for _ in range(2):
        office.server.fail("GET", "/issues/29[0-5]/events", 502, times=4)  # a read is repeated three times
        office.plan()  # and the task is killed before it starts anything of what it found
    office.server.fail(
        "GET",
        LIST,
        403,
        headers={"Retry-After": "1"},
        message="You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    )
    with ThreadPoolExecutor(3) as pool:
        for _ in range(12):
            list(pool.map(lambda _: quietly(office), range(3)))
            office.bed.stop.wait(0.2)
    new = {run for run in office.airflow.runs if int(run.split("-")[1]) > 288}
    assert new == {run_id_of(NAME, number, 1) for number in range(289, 301)}
    assert len(office.airflow.runs) == 1 + 12
    assert [attempt.attempt for attempt in office.bed.ledger.attempts(NAME)] == [1] * 300


def quietly(office: Office) -> None:
    """A look whose failure Airflow would repeat."""
    try:
        office.look()
    except ForgeDown:
        office.bed.stop.wait(0.05)


def test_nothing_new_costs_one_request_and_says_so(office: Office) -> None:
    office.issue(1)
    office.look()
    office.look()
    before = len(office.requests())
    assert office.look() == "nothing to do"
    assert office.requests()[before:] == [f"/repos/{NAME}/issues"]
    assert office.server.journal()[-1]["status"] == 304


def test_labelled_again_or_opened_again_is_a_new_attempt_and_a_comment_is_none(office: Office) -> None:
    office.issue(7)
    office.look()
    office.airflow.end()
    office.issue(7, comments=[{"body": "Thanks"}])
    office.look()
    assert list(office.airflow.runs) == ["acme__widgets-7-attempt-1"]
    office.issue(7, events=2)
    assert "#7 of acme/widgets: attempt 2 (event-7001)" in office.look()
    office.airflow.end()
    office.issue(7, events=2, state="closed")
    office.look()
    again = [{"id": 7000, "event": "labeled", "label": {"name": "bridle"}}, {"id": 7009, "event": "reopened"}]
    office.issue(7, history=again)
    office.look()
    assert list(office.airflow.runs) == [f"acme__widgets-7-attempt-{number}" for number in (1, 2, 3)]


def test_a_second_attempt_waits_for_the_first(office: Office) -> None:
    office.issue(7)
    office.look()
    office.issue(7, events=2)
    office.look()
    assert len(office.airflow.runs) == 1
    office.airflow.end()
    office.look()
    assert len(office.airflow.runs) == 2


def test_strangers_locked_ones_and_other_labels_start_nothing(office: Office) -> None:
    office.issue(1, author_association="NONE")
    office.issue(2, locked=True)
    office.issue(3, labels=["bug"])
    office.issue(4, labels=["bridle", NEEDS_HUMAN])
    office.issue(5, pull_request={"url": "x"})
    assert office.look() == "nothing to do"
    assert office.airflow.runs == {}


def test_no_more_runs_at_a_time_than_configured(office: Office) -> None:
    office.settings = {"at_most": 2}
    for number in range(1, 6):
        office.issue(number)
    for _ in range(3):
        office.look()
    assert len(office.airflow.runs) == 2
    office.airflow.end()
    office.look()
    assert len(office.airflow.runs) == 4
    assert max(office.airflow.asked.values()) == 1


def test_what_fails_too_often_is_left_to_a_human(office: Office) -> None:
    for attempt in (1, 2):
        office.issue(9, events=attempt)
        office.look()
        office.look()
        office.airflow.end("failed")
        office.look()
    assert [label["name"] for label in office.server.state()[NAME]["issues"]["9"]["labels"]] == [
        "bridle",
        NEEDS_HUMAN,
    ]
    office.issue(9, events=3, labels=["bridle", NEEDS_HUMAN])
    assert office.look() == "nothing to do"
    assert len(office.airflow.runs) == 2


def test_a_forge_that_wants_to_be_left_alone_is(office: Office) -> None:
    office.issue(1)
    office.server.fail("GET", LIST, 429, headers={"Retry-After": "300"}, message="secondary rate limit")
    assert "left alone for 300 s" in office.look()
    before = len(office.requests())
    assert "is left alone for another" in office.look()
    assert len(office.requests()) == before


@pytest.mark.parametrize("request_", [("POST", f"/repos/{NAME}/issues/9/labels$"), ("GET", LIST)])
def test_a_repository_whose_key_is_refused_keeps_no_other_waiting(
    office: Office, request_: tuple[str, str]
) -> None:
    """Neither the label of what failed too often, nor the list of what is new."""
    office.settings = {"failures": 1}
    office.issue(9)
    office.look()
    office.look()
    office.airflow.end("failed")
    office.issue(1, repository="acme/gadgets")
    office.server.fail(*request_, 401, times=2, message="Bad credentials")
    result = office.plan("acme/gadgets")
    assert result.start == ["acme/gadgets#1/1"]
    assert "Bad credentials" in result.summary
    office.airflow.trigger(result.start)
    with pytest.raises(CredentialError, match="Bad credentials"):
        office.plan("acme/gadgets")
    assert office.plan("acme/gadgets").start == []


def test_another_label_or_author_in_the_configuration_is_looked_for_from_the_beginning(
    office: Office,
) -> None:
    office.issue(1, labels=["agents"])
    office.look()
    office.settings = {"label": "agents"}
    office.look()
    assert list(office.airflow.runs) == ["acme__widgets-1-attempt-1"]


def test_run_ids_of_different_repositories_never_meet() -> None:
    names = ["a/b", "a-b", "a__b", "a b", "a/b_c", "a/b-c", "ä/b", "ö/b"]
    assert len({run_id_of(name, 1, 1) for name in names}) == len(names)
