"""The commits of a run or a loop in order, each with who made it: the line along which to search."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bridle.errors import InvalidInput, RepositoryError
from bridle.harness.bench import Bench
from bridle.ledger.loops import RoundRow
from bridle.ledger.records import CheckRow, SessionRow
from bridle.ledger.searched import Searched
from bridle.ledger.store import Ledger

log = logging.getLogger(__name__)

Kind = Literal["base", "checkpoint", "commit", "merge"]


@dataclass(frozen=True)
class Waypoint:
    """One commit on the line."""

    commit: str
    tree: str
    """What is in it: two commits with the same tree need one check."""
    kind: Kind
    session: SessionRow | None = None
    """Who made it; of a merge, whose work it merged. None: nobody that the ledger knows."""
    round: int | None = None
    """Of the loop; in a single run, of the step."""


def repository_name(ledger: Ledger, searched: Searched, sessions: Sequence[SessionRow]) -> str:
    """The repository that a run or loop works on.

    Raises:
        InvalidInput: it works on none, or the ledger does not know it.
    """
    if searched.loop_id:
        return ledger.loop(searched.loop_id).repo
    names = [row.repo for row in sessions if row.repo]
    if not sessions:
        raise InvalidInput(f"the ledger has no session of {searched}; `bridle runs` shows the runs there are")
    if not names:
        raise InvalidInput(f"{searched} works on no repository, so it has no commits to search")
    return names[0]


def history_of(bench: Bench, searched: Searched, sessions: Sequence[SessionRow]) -> list[Waypoint]:
    """The line from the commit that a run or loop started from to the last one that it came to.

    Workers that were at work side by side are on it where they were merged, one after the other. Checkpoints
    are on it between the commits, as long as the ledger has them.

    Args:
        bench: has the repository; what this host lacks of it is brought by the carrier.
        searched: the run or loop.
        sessions: all of its, the oldest first.

    Raises:
        InvalidInput: it has made no commit.
        RepositoryError: a commit is nowhere to be had any more.
    """
    line = _Line(bench, sessions)
    rounds = _rounds(bench.step.ledger, searched, sessions)
    if rounds:
        bench.resolve(rounds[-1].head_commit)  # brings the others along, at once
        for row in rounds:
            line.extend(row.base_commit, row.head_commit, round=row.round)
    else:
        base = next((row.base_commit for row in sessions if row.base_commit), None)
        tip = _tip(sessions, bench.step.ledger.checks_in(searched))
        if base and tip:
            line.extend(base, tip)
    if len(line.waypoints) < 2:
        raise InvalidInput(f"{searched} has made no commit that changes anything: there is nothing to search")
    return line.waypoints


def _rounds(ledger: Ledger, searched: Searched, sessions: Sequence[SessionRow]) -> list[RoundRow]:
    """The rounds that came to a commit: of a loop all, of a run the one that it is."""
    loop_id = searched.loop_id or next((row.attempt.loop_id for row in sessions if row.attempt.loop_id), None)
    if loop_id is None:
        return []
    rows = [row for row in ledger.rounds(loop_id) if row.round > 0 and row.head_commit]
    return [row for row in rows if searched.loop_id or row.run_id == searched.run_id]


def _tip(sessions: Sequence[SessionRow], checks: Sequence[CheckRow]) -> str | None:
    """The newest commit of a run: checks see also those that no session has made."""
    made = [(row.id, row.commit or row.checkpoint) for row in sessions]
    made += [(row.id, row.commit) for row in checks]
    return next(
        (commit for _, commit in sorted(made, reverse=True, key=lambda each: each[0]) if commit), None
    )


@dataclass(frozen=True)
class _Commit:
    """One commit as git has it."""

    name: str
    tree: str
    parents: tuple[str, ...]
    work: str
    """The session's commit that it carries: tasks of a spec land as commits of their own, which say so."""


class _Line:
    """A line that grows."""

    def __init__(self, bench: Bench, sessions: Sequence[SessionRow]) -> None:
        self.waypoints: list[Waypoint] = []
        self._bench = bench
        self._by_id = {row.id: row for row in sessions}
        self._by_commit = {row.commit: row for row in sessions if row.commit}
        self._unfinished = {row.checkpoint: row for row in sessions if row.checkpoint and not row.commit}

    def extend(self, base: str, tip: str, *, round: int | None = None) -> None:
        """Go on to `tip`, along first parents: a merge is one step of it."""
        tip, base = self._bench.resolve(tip), self._bench.resolve(base)
        if not self.waypoints:
            (start,) = self._log("--no-walk", base)
            self.waypoints.append(Waypoint(base, start.tree, "base"))
        unfinished = self._unfinished.get(tip) if tip not in self._by_commit else None
        saved = self._checkpoints(unfinished) if unfinished else {}
        for commit in self._between(base, tip):
            own = self._by_commit.get(commit.name)
            names = [*commit.parents[1:], commit.work]
            merged = next((self._by_commit[each] for each in names if each in self._by_commit), None)
            if own is not None:
                for checkpoint, made_by in self._checkpoints(own).items():
                    self._add(Waypoint(checkpoint.name, checkpoint.tree, "checkpoint", made_by), round)
            who = own or merged or saved.get(commit)
            kind: Kind = "merge" if len(commit.parents) > 1 else "checkpoint" if commit in saved else "commit"
            self._add(Waypoint(commit.name, commit.tree, kind, who), round)

    def _add(self, waypoint: Waypoint, round: int | None) -> None:
        made_by = waypoint.session
        waypoint = replace(waypoint, round=round or (made_by.round if made_by else None))
        last = self.waypoints[-1]
        if waypoint.tree != last.tree:
            self.waypoints.append(waypoint)
        elif last.kind == "checkpoint":
            self.waypoints[-1] = waypoint  # the same files under their lasting name

    def _checkpoints(self, made_by: SessionRow) -> dict[_Commit, SessionRow]:
        """What the harness kept while a session worked, and those that it went on from; with who was it."""
        chain = [made_by]
        while (first := chain[0].resumed_from) is not None and first in self._by_id:
            chain.insert(0, self._by_id[first])
        kept: dict[_Commit, SessionRow] = {}
        for row in chain:
            if row.checkpoint is None or row.base_commit is None:
                continue
            try:
                commits = self._between(row.base_commit, self._bench.resolve(row.checkpoint))
            except RepositoryError as error:
                log.info("checkpoints of session %s are left out: %s", row.id, error)
                continue
            kept |= {commit: row for commit in commits if commit not in kept}
        return kept

    def _between(self, base: str, tip: str) -> list[_Commit]:
        return self._log("--first-parent", "--reverse", f"{base}..{tip}")

    def _log(self, *arguments: str) -> list[_Commit]:
        work = "%(trailers:key=Bridle-Work,valueonly,separator=%x20)"
        listed = self._bench.mirror.git("log", f"--format=%H %T %P%x00{work}", *arguments)
        commits = []
        for line in listed.decode("utf-8", "replace").splitlines():
            names, _, carried = line.partition("\0")
            name, tree, *parents = names.split()
            commits.append(_Commit(name, tree, tuple(parents), carried))
        return commits
