"""A loop and its rounds: what one was started with, and where a step of it stands."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bridle.config.repositories import Repository
from bridle.errors import ConfigError, StopRequested
from bridle.harness.bench import Bench
from bridle.harness.step import Step
from bridle.ledger.loops import LoopRow, RoundRow

log = logging.getLogger(__name__)

BRANCHES = "bridle/goal-"
"""What branches of loops begin with."""


class LoopTerms(BaseModel):
    """What a user asks for; see the trigger form of `goal_loop`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    goal: str
    repo: str
    base: str | None = None
    """Branch to start from; None: the repository's default."""
    done_when: tuple[str, ...] | None = None
    """Checks of the repository that must all pass; None: its first, unless there is a rubric."""
    rubric: str | None = None
    """Demands that a separate session judges, once the checks pass."""
    workers: int = 3
    """Tasks of one round at most."""
    worker_check: str | None = None
    """Check that each worker's own commit must pass; None: none."""
    max_rounds: int = 10
    budget_usd: float | None = None
    """Of all rounds together, in US dollars; None: no cap."""
    hours: float | None = None
    """Until the deadline; None: none."""
    patience: int = 3
    """Rounds without progress after which the loop stops."""
    human_review: Literal["never", "each round", "on doubt"] = "on doubt"

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """The terms out of a run's parameters.

        Raises:
            ConfigError: one is missing or does not fit.
        """
        given = {name: params[name] for name in cls.model_fields if params.get(name) is not None}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"the loop's parameters do not fit: {error}") from error

    def checks(self, repository: Repository) -> tuple[str, ...]:
        """Names of the checks that decide.

        Raises:
            RepositoryError: the repository has no such check.
        """
        names = self.done_when or (() if self.rubric else (repository.default_check,))
        for name in names:
            repository.check_command(name)
        return names


@dataclass(frozen=True)
class Turn:
    """One step of one round of a loop."""

    step: Step
    bench: Bench
    terms: LoopTerms
    loop: LoopRow
    round: RoundRow

    @property
    def repository(self) -> Repository:
        """The loop's repository."""
        return self.bench.required

    @property
    def head(self) -> str:
        """The commit that the round stands at."""
        return self.round.head_commit or self.round.base_commit

    def earlier(self) -> list[RoundRow]:
        """The rounds before this one, round 0 first."""
        return [row for row in self.step.ledger.rounds(self.loop.id) if row.round < self.round.round]


def begin(step: Step, terms: LoopTerms) -> Turn:
    """Open the round that the step's run is, and the loop if this is its first.

    Raises:
        StopRequested: the loop was paused or has ended; `bridle loop resume` lets it go on.
        RepositoryError: unknown repository, branch or check.
    """
    bench = Bench(step, step.repository(terms.repo))
    terms.checks(bench.required)
    if terms.worker_check:
        bench.required.check_command(terms.worker_check)
    loop_id, number = place_of(step)
    key = step.attempt.step
    loop = step.ledger.open_loop(
        loop_id,
        dag_id=key.dag_id,
        goal=terms.goal,
        repo=terms.repo,
        base=bench.resolve(terms.base or bench.required.base),
        branch=BRANCHES + hashlib.sha256(loop_id.encode()).hexdigest()[:10],
        params=terms.model_dump(mode="json"),
        hours=terms.hours,
    )
    _forget_orders(step, loop.id, number)
    if loop.state == "failed":  # somebody has cleared the task that failed
        step.ledger.set_loop_state(loop.id, "running")
    elif loop.state != "running":
        raise StopRequested(
            f"loop {loop.id} is {loop.state}: {loop.reason or 'somebody asked for it'}. To go on: "
            f"`bridle loop resume {loop.id}`"
        )
    if terms.budget_usd is not None and step.ledger.budget(loop.scope) is None:
        step.ledger.set_budget(loop.scope, cap_usd=Decimal(str(terms.budget_usd)), cap_tokens=None)
    row = step.ledger.open_round(loop.id, number, run_id=key.run_id, base=loop.head_commit)
    log.info(
        "loop %s, round %d of at most %s, from %s",
        loop.id,
        number,
        loop.params["max_rounds"],
        row.base_commit,
    )
    return Turn(step, bench, terms, loop, row)


def _forget_orders(step: Step, loop_id: str, number: int) -> None:
    """Where this step was cleared: even if it ends at once, nothing is to be made of its earlier orders."""
    for row in step.ledger.rounds(loop_id):
        if row.round == number and row.run_id == step.attempt.step.run_id and row.decision:
            step.ledger.note_round(row, decision={}, dispatched=[], delivered=[])


def turn_of(step: Step, terms: LoopTerms) -> Turn:
    """The round that the step belongs to, which `begin` has opened.

    Raises:
        ConfigError: it has not.
    """
    loop_id, number = place_of(step)
    ledger = step.ledger
    bench = Bench(step, step.repository(terms.repo))
    return Turn(step, bench, terms, ledger.loop(loop_id), ledger.round(loop_id, number))


def place_of(step: Step) -> tuple[str, int]:
    loop_id, number = step.attempt.loop_id, step.attempt.loop_round
    if not loop_id or not number:
        raise ConfigError(
            f"{step.attempt.step.path} is in no loop; its DAG needs the parameters `loop_id` and `round`"
        )
    return loop_id, number
