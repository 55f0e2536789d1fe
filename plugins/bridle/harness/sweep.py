"""What no callback does after a kill: the ledger, the host and the forge are put in order."""

import logging
from collections.abc import Callable

from bridle.config.repositories import repositories_in_force
from bridle.errors import BridleError
from bridle.forge import open_forge
from bridle.harness.bench import Bench
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.queries import Queries
from bridle.ledger.records import EffectRow
from bridle.workspace.leftovers import sweep_host

log = logging.getLogger(__name__)

RunState = Callable[[str, str], str | None]
"""DAG id and run id to Airflow's state of the run; None when Airflow does not know the run any more."""


def sweep(step: Step, run_state: RunState) -> StepResult:
    """Close lost sessions and searches, remove folders of the dead, take back branches of runs that failed.

    Args:
        step: the sweeping step.
        run_state: asks Airflow.
    """
    replayed = step.ledger.replay()
    closed = sum(step.ledger.close_lost(session.id) for session in step.ledger.lost_sessions())
    searches = len(step.ledger.close_lost_bisects())
    with Queries(step.ledger.url) as queries:
        orphans = [push for push in _pushes(queries) if run_state(*_run_of(push)) == "failed"]
    removed = sweep_host(step.settings.home)
    undone = sum(_take_back(step, push) for push in orphans)
    _collect_garbage(step)
    summary = (
        f"closed {closed} lost sessions and {searches} lost searches, replayed events of {replayed}, "
        f"removed {len(removed)} folders, took back {undone} branches"
    )
    log.info("%s", summary)
    return StepResult(summary=summary)


def _collect_garbage(step: Step) -> None:
    """Keep this host's mirrors small: what sessions made and nobody has needed for two weeks goes."""
    known = repositories_in_force(step.settings, beside=step.beside)
    for repository in known.repositories.values():
        mirror = Bench(step, repository).mirror
        if mirror.path.is_dir():
            mirror.collect()


def _pushes(queries: Queries) -> list[EffectRow]:
    """Branches that were pushed and never came to a pull request."""
    kinds = ("push", "pull_request", "delete_branch")
    effects = [row for row in queries.effects(kinds=kinds, limit=None) if row.state == "done"]
    published = {row.target for row in effects if row.kind == "pull_request"}
    undone = {(row.target, row.version) for row in effects if row.kind == "delete_branch"}
    pushes = [row for row in effects if row.kind == "push" and row.target not in published]
    return [row for row in pushes if (row.target, row.version) not in undone]


def _run_of(effect: EffectRow) -> tuple[str, str]:
    return effect.attempt.step.dag_id, effect.attempt.step.run_id


def _take_back(step: Step, push: EffectRow) -> bool:
    """Delete a branch that a failed run left; what a person has pushed to since is left alone."""
    name, _, branch = push.target.partition(":")
    commit = push.version
    try:
        repository = step.repository(name)
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
            key=f"delete_branch:{push.target}:{commit}",
            version=commit,
            kind="delete_branch",
            target=push.target,
            lookup=gone,
            act=delete,
        )
    except BridleError as error:
        log.warning("branch %s stays: %s", push.target, error)
        return False
    return True
