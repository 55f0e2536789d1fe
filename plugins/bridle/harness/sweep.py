"""What no callback does after a kill: the ledger, the host and the forge are put in order."""

import logging

from bridle.config.repositories import repositories_in_force
from bridle.harness.abandoned import RunState, abandoned, take_back
from bridle.harness.bench import Bench
from bridle.harness.orphans import close_loops, release_specs, withdraw_questions
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.ledger.queries import Queries
from bridle.workspace.leftovers import sweep_host

log = logging.getLogger(__name__)


def sweep(step: Step, run_state: RunState) -> StepResult:
    """Put in order what runs left that could not do it themselves.

    Closes lost sessions and searches, and loops that no run pursues; lets go of specs; withdraws questions of
    runs that have ended; removes folders of the dead; takes back what runs left on the forge.

    Args:
        step: the sweeping step.
        run_state: asks Airflow.
    """
    replayed = step.ledger.replay()
    closed = sum(step.ledger.close_lost(session.id) for session in step.ledger.lost_sessions())
    searches = len(step.ledger.close_lost_bisects())
    loops, specs = close_loops(step, run_state), release_specs(step, run_state)
    questions = withdraw_questions(step, run_state)
    with Queries.of(step.ledger) as queries:
        left = list(abandoned(queries, run_state))
    removed = sweep_host(step.settings.home)
    back = [take_back(step, each) for each in left]
    branches, drafts = sum(each.branches for each in back), sum(each.drafts for each in back)
    _collect_garbage(step)
    summary = (
        f"closed {closed} lost sessions and {searches} lost searches, and {loops} loops that no run pursues; "
        f"let go of {specs} specs, withdrew {questions} questions, replayed events of {replayed}, "
        f"removed {len(removed)} folders, took back {branches} branches and {drafts} drafts"
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
