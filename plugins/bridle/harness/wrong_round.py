"""Which round went wrong: a check along the commits of a run or a loop, and the name of whoever broke it."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bridle.config.repositories import Repository
from bridle.config.settings import Settings
from bridle.errors import BridleError, FenceLost, LedgerUnavailable, SessionLost, StopRequested
from bridle.harness.bench import Bench
from bridle.harness.bisect import FURTHER, Answer, search
from bridle.harness.check import require_command, run_check
from bridle.harness.history import Waypoint, history_of, repository_name
from bridle.harness.periodic import Periodic
from bridle.harness.step import Step
from bridle.harness.telling import tell
from bridle.ledger.bisects import LEASE_SECONDS, BisectRow, ProbeRow
from bridle.ledger.ids import new_id
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.searched import Searched
from bridle.ledger.store import Ledger

log = logging.getLogger(__name__)

WORKFLOW = "bridle_bisect"
BY_HAND = "by hand"
"""Name of a check that is no check of the repository, but a command that somebody typed."""

MOST_JOBS = 16
HEARTBEAT_SECONDS = 5.0


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for."""

    searched: Searched
    check: str
    """Name of a check of the repository; empty: its first."""
    by: str
    jobs: int = 1
    """Checks side by side."""
    again: int = 1
    """How many times more to check what the answer rests on."""
    further: int = FURTHER
    """How many commits behind the turn to look at for one that passes."""
    command_allowed: bool = False
    """Whether `check` may be a command instead: on one's own machine, and nowhere else."""


def find_wrong_round(
    step: Step, wanted: Wanted, *, on_probe: Callable[[ProbeRow], None] = lambda probe: None
) -> BisectRow:
    """Search, and write down every check and the result; a retry goes on with the checks that have run.

    Args:
        step: the searching step.
        wanted: where, and with which check.
        on_probe: told of each check that has run.

    Raises:
        InvalidInput: there is nothing to search, or no such check.
        StopRequested, FenceLost: see `bridle.errors`.
        SessionLost: somebody killed a check; a retry goes on.
    """
    ledger = step.ledger
    row = ledger.begin_bisect(step.attempt, wanted.searched, check=wanted.check, by=wanted.by)

    def beat() -> None:
        ledger.claim(row.lease, str(row.id), LEASE_SECONDS)

    try:
        beat()
        with Periodic("search", HEARTBEAT_SECONDS, beat, stop=step.stop):
            return _searched(step, row, wanted, on_probe)
    except FenceLost:
        raise  # the search is a newer attempt's now
    except BaseException as error:
        foreseen = isinstance(error, BridleError | KeyboardInterrupt)
        why = str(error) if foreseen else f"{type(error).__name__}: {error}"
        stopped = isinstance(error, StopRequested | KeyboardInterrupt)
        with suppress(LedgerUnavailable):
            ledger.close_bisect(row.id, "stopped" if stopped else "failed", why=why)
        raise


def _searched(step: Step, row: BisectRow, wanted: Wanted, on_probe: Callable[[ProbeRow], None]) -> BisectRow:
    ledger = step.ledger
    sessions = ledger.sessions_in(wanted.searched)
    name = repository_name(ledger, wanted.searched, sessions)
    repository, check = _with_check(step.repository(name), wanted)
    require_command(repository, check)
    bench = Bench(step, repository)
    line = history_of(bench, wanted.searched, sessions)
    ledger.note_bisect(
        row.id,
        repo=name,
        check="" if check == BY_HAND else check,
        command=repository.check_command(check),
        commits=len(line),
    )
    log.info("%s: %d commits, check %s", wanted.searched, len(line), check)
    probes = _Probes(bench, check, row, line, on_probe)
    answer = search(len(line), probes, jobs=wanted.jobs, again=wanted.again, further=wanted.further)
    return _close(ledger, row, answer, line)


def step_by_hand(settings: Settings, ledger: Ledger, *, beside: Path | None) -> Step:
    """A step without Airflow: a person at a terminal searches, and the ledger keeps it like any search."""
    ledger.check_schema()
    attempt_id = new_id()
    key = StepKey(WORKFLOW, f"by-hand-{attempt_id}", "bisect")
    attempt = Attempt(key, str(attempt_id), 1, 0)
    return Step(attempt, settings, ledger, ledger.take_step(attempt), beside)


def _with_check(repository: Repository, wanted: Wanted) -> tuple[Repository, str]:
    name = wanted.check or repository.default_check
    if name in repository.checks or not wanted.command_allowed:
        return repository, name
    checks = {**repository.checks, BY_HAND: name}
    return repository.model_copy(update={"checks": checks}), BY_HAND


class _Probes:
    """Runs the check on commits of a line, some side by side, and writes each run down."""

    def __init__(
        self,
        bench: Bench,
        check: str,
        row: BisectRow,
        line: Sequence[Waypoint],
        on_probe: Callable[[ProbeRow], None],
    ) -> None:
        self._bench = bench
        self._check = check
        self._row = row
        self._line = line
        self._on_probe = on_probe
        self._one_at_a_time = threading.Lock()
        self._known: dict[str, list[bool]] = defaultdict(list)
        before = bench.step.ledger.probes(row.id)
        self._number = len(before)
        for probe in before:
            self._known[probe.commit].append(probe.passed)

    def __call__(self, positions: Sequence[int], *, again: bool) -> list[bool]:
        if len(positions) == 1:
            return [self._one(positions[0], again=again)]
        # a check ends with the thread that started it, and each thread waits here for its check
        with ThreadPoolExecutor(len(positions)) as pool:
            try:
                return list(pool.map(partial(self._one, again=again), positions))
            except BaseException:
                self._bench.step.stop.set()  # the others need not come to their end
                raise

    def _one(self, position: int, *, again: bool) -> bool:
        waypoint = self._line[position]
        if self._known[waypoint.commit]:
            return self._known[waypoint.commit].pop(0)
        step, repository = self._bench.step, self._bench.required
        step.verify()
        verdict = run_check(self._bench, repository, self._check, commit=waypoint.commit)
        if (verdict.exit_code is not None and verdict.exit_code < 0) or verdict.id is None:
            raise SessionLost(f"check {verdict.name!r} on {waypoint.commit[:10]} was killed from outside")
        with self._one_at_a_time:
            self._number += 1
            probe = step.ledger.record_probe(
                self._row.id,
                self._number,
                position=position,
                commit=waypoint.commit,
                round=waypoint.round,
                session_id=waypoint.session.id if waypoint.session else None,
                again=again,
                passed=verdict.passed,
                timed_out=verdict.exit_code is None,
                seconds=verdict.seconds,
                check_run_id=verdict.id,
            )
            self._on_probe(probe)
        return verdict.passed


def _close(ledger: Ledger, row: BisectRow, answer: Answer, line: Sequence[Waypoint]) -> BisectRow:
    """Write down what the search came to."""
    row = ledger.bisect(row.id)
    found: dict[str, Any] = {"searched": answer.searched, "repeated": answer.repeated}
    found["flaky"] = [line[position].commit for position in answer.flaky]
    # of a flaky check, nothing that it said is handed on as a result
    bad = line[answer.bad] if answer.bad is not None and answer.outcome in ("found", "mixed") else None
    decision = ledger.decision_before(bad.session) if bad and bad.session else None
    if bad is not None and answer.good is not None:
        found |= {
            "commit": bad.commit,
            "good_commit": line[answer.good].commit,
            "session_id": bad.session.id if bad.session else None,
            "round": bad.round,
            "decision_id": decision.id if decision else None,
        }
    why = tell(row, answer, line, decision, title=_title(ledger, bad))
    log.info("%s", why)
    return ledger.close_bisect(row.id, answer.outcome, why=why, **found)


def _title(ledger: Ledger, bad: Waypoint | None) -> str:
    """What the worker was given to do, where a round gave it out."""
    if bad is None or bad.session is None:
        return ""
    attempt = bad.session.attempt
    if attempt.loop_id is None or attempt.loop_round is None or attempt.step.map_index < 0:
        return ""
    tasks = ledger.round(attempt.loop_id, attempt.loop_round).dispatched
    index = attempt.step.map_index
    return str(tasks[index].get("title", "")) if index < len(tasks) else ""
