"""What runs that failed or were cancelled have left on the forge, and how it is taken back."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bridle.errors import BridleError
from bridle.forge import open_forge
from bridle.harness.bench import Bench
from bridle.harness.label import relabel
from bridle.harness.step import Step
from bridle.ledger.effect_log import DONE
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.queries import Queries
from bridle.ledger.records import EffectRow

log = logging.getLogger(__name__)

RunState = Callable[[str, str], str | None]
"""DAG id and run id to Airflow's state of the run; None when Airflow does not know the run any more."""


@dataclass(frozen=True)
class Abandoned:
    """A branch of a run that will not go on by itself."""

    push: EffectRow
    pull_request: EffectRow | None
    """None: it never came to one."""
    labels: tuple[EffectRow, ...]
    """What the run of a pull request has labelled."""


def abandoned(queries: Queries, run_state: RunState) -> Iterator[Abandoned]:
    """Branches of failed runs without a pull request, and of cancelled runs with one that they made.

    A run is cancelled when a person stopped it or its loop, or when the newest answer in it is a rejection.
    One that failed for any other reason keeps its pull request: the work stands, and a clear goes on with it.

    A branch belongs to the run that pushed to it last. Whether it has come to a pull request, its history
    says: one that a later run failed to bring up to date is there all the same.
    """
    kinds = ("push", "labels", "close_pull_request", "delete_branch")
    done = [row for row in queries.newest_effects(kinds) if row.state == DONE]
    deleted = {row.target: row.intended_at for row in reversed(done) if row.kind == "delete_branch"}
    pulls = {
        row.target: row
        for row in reversed(queries.effects(kinds=("pull_request",), limit=None))
        if row.state == DONE and row.intended_at >= deleted.get(row.target, row.intended_at)
    }
    undone = [row for row in done if row.kind == "delete_branch" or _told(row).get("left")]
    ended = {row.key: row.intended_at for row in undone}
    stopped, rejected = queries.stopped_scopes(), queries.rejected_runs()
    for push in done:
        if push.kind != "push" or _told(push).get("shared"):
            continue
        since = (ended.get(key) for key in (_deletion(push), _closing(push)))
        if any(moment and moment > push.intended_at for moment in since):
            continue  # taken back, or left to a person; what was pushed again after that counts again
        pull = pulls.get(push.target)
        if pull is None:
            if run_state(*_run_of(push)) == "failed":
                yield Abandoned(push, None, ())
            continue
        scopes = {push.attempt.step.run_scope, f"loop:{push.attempt.loop_id}"}
        ends = {"failed"} if scopes & stopped else set()
        ends |= {"failed", "success"} if _run_of(push) in rejected else set()  # a rejection skips the rest
        if ends and _told(push).get("made") and run_state(*_run_of(push)) in ends:
            labels = [row for row in done if row.kind == "labels" and _run_of(row) == _run_of(push)]
            yield Abandoned(push, pull, tuple(row for row in labels if _told(row)))


@dataclass
class TakenBack:
    """How many of each."""

    branches: int = 0
    drafts: int = 0


def take_back(step: Step, left: Abandoned) -> TakenBack:
    """Close the draft, take its labels off, and delete the branch; what a person has taken over stays."""
    name, _, branch = left.push.target.partition(":")
    back = TakenBack()
    try:
        if left.pull_request is not None:
            if why := _close(step, name, branch, left.push):
                log.info("the pull request of %s stays: %s", left.push.target, why)
                return back
            back.drafts = 1
            for row in left.labels:
                repository, _, number = row.target.partition("#")
                told = _told(row)
                relabel(step, step.repository(repository), int(number), told["removed"], told["added"])
        _delete(step, name, branch, left.push)
        back.branches = 1
    except BridleError as error:
        log.warning("branch %s stays: %s", left.push.target, error)
    return back


def _run_of(effect: EffectRow) -> tuple[str, str]:
    return effect.attempt.step.dag_id, effect.attempt.step.run_id


def _told(effect: EffectRow) -> dict[str, Any]:
    return dict((effect.receipt or {}).get("data") or {})


def _deletion(push: EffectRow) -> str:
    return f"delete_branch:{push.target}:{push.version}"


def _closing(push: EffectRow) -> str:
    return f"close_pull_request:{push.target}:{push.version}"


def _close(step: Step, name: str, branch: str, push: EffectRow) -> str:
    """Close the branch's draft; why not, when a person has taken it over."""
    repository = step.repository(name)
    forge = open_forge(repository, mirror=Bench(step, repository).mirror)

    def lookup() -> Receipt | None:
        found = forge.find_pull_request(branch)
        if found is None:
            return Receipt(version=push.version)
        left = "it is no draft any more" if not found.draft else ""
        if forge.branch(branch) != push.version:
            left = "somebody pushed to its branch"
        return Receipt(version=push.version, url=found.url, data={"left": left}) if left else None

    def act() -> Receipt:
        found = forge.find_pull_request(branch)
        if found is not None:
            forge.close_pull_request(found.number)
        return Receipt(version=push.version, url=found.url if found else "")

    receipt = perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=_closing(push),
        version=push.version,
        kind="close_pull_request",
        target=push.target,
        lookup=lookup,
        act=act,
    )
    return str(receipt.data.get("left", ""))


def _delete(step: Step, name: str, branch: str, push: EffectRow) -> None:
    repository, commit = step.repository(name), push.version
    forge = open_forge(repository, mirror=Bench(step, repository).mirror)

    def gone() -> Receipt | None:
        return Receipt(version=commit) if forge.branch(branch) is None else None

    def delete() -> Receipt:
        forge.delete_branch(branch, expected=commit)
        return Receipt(version=commit)

    perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=_deletion(push),
        version=commit,
        kind="delete_branch",
        target=push.target,
        lookup=gone,
        act=delete,
    )
