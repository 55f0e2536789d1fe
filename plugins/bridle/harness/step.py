"""One attempt of one Airflow task, and everything that its work needs."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from bridle.config import budgets
from bridle.config.prompts import Prompt, render
from bridle.config.providers import UNSAID, ProviderSettings
from bridle.config.repositories import Repository, repositories_in_force
from bridle.config.roles import Role, RoleChanges, Roles, roles_in_force
from bridle.config.settings import Settings
from bridle.errors import BridleError, FenceLost, LedgerUnavailable, StopRequested
from bridle.harness.reference import expand
from bridle.ledger.records import Allowances, Attempt, Cap, Fence
from bridle.ledger.store import Ledger
from bridle.telemetry.measures import Stats
from bridle.telemetry.trace import Trace
from bridle.telemetry.watch import ledger_type, watched
from bridle.workspace.room import room_told


@dataclass(frozen=True)
class Step:
    """What the work of a step is given; made by `open_step`."""

    attempt: Attempt
    settings: Settings
    ledger: Ledger
    fence: Fence
    beside: Path | None = None
    """Folder of the DAG file: its `include/` is looked at for prompts and roles."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by `on_kill`, by a stop in the ledger, or when a newer attempt has taken over."""
    run_cap: Cap = field(default_factory=Cap)
    """What the run's parameters allow it; none: what roles.yaml does."""
    trace: Trace | None = None
    """Its spans; None where Airflow sends no traces."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every budget and stop flag that this step is under; a session adds its own, the ledger the day."""
        attempt = self.attempt
        scopes = [attempt.step.scope, attempt.step.run_scope]
        if attempt.loop_id:
            scopes.append(f"loop:{attempt.loop_id}")
        return tuple(scopes)

    def verify(self, *scopes: str) -> None:
        """Make sure that this attempt may still write; called before every round, commit and effect.

        Args:
            scopes: further ones whose stop flags count: a session's.

        Raises:
            StopRequested: somebody asked for a stop.
            FenceLost: a newer attempt of this step has begun.
        """
        if self.stop.is_set():
            raise StopRequested(f"{self.attempt.step.path} was asked to stop")
        self.ledger.verify(self.fence, (*self.scopes, *scopes))

    @property
    def roles(self) -> Roles:
        """All of roles.yaml."""
        return roles_in_force(self.settings, beside=self.beside)

    def role(self, name: str, changes: RoleChanges | None = None) -> Role:
        """The role called `name` in roles.yaml, with what an operator changes of it."""
        return self.roles.get(name, changes)

    def provider(self, name: str) -> ProviderSettings:
        """What roles.yaml says about a provider."""
        roles = self.roles
        return roles.providers.get(name, UNSAID)

    def open_budgets(self) -> None:
        """Set the caps that the step's calls are under; called before its first, and harmless later."""
        wanted = self.roles.budgets
        caps = wanted.of(self.attempt.step.dag_id)
        given = self.run_cap != Cap()
        self.ledger.open_budgets(
            self.attempt,
            Allowances(
                day=_cap(wanted.day),
                dag_day=_cap(caps.day),
                run=self.run_cap if given else _cap(caps.run),
                loop=_cap(caps.loop),
                step=_cap(caps.step),
                by="params" if given else "roles.yaml",
            ),
        )

    def repository(self, name: str) -> Repository:
        """The repository called `name` on the allow-list."""
        return repositories_in_force(self.settings, beside=self.beside).get(name)

    def prompt(self, name: str, inputs: Mapping[str, Any]) -> Prompt:
        """The prompt file `name`, rendered with `inputs`; references in them are fetched from the ledger."""
        values = {key: expand(value, self.ledger) for key, value in inputs.items()}
        return render(self.settings.include(f"prompts/{name}", beside=self.beside), values)


@contextmanager
def open_step(
    attempt: Attempt,
    *,
    settings: Settings,
    beside: Path | None,
    budget_usd: Decimal | None,
    budget_tokens: int | None = None,
    stop: threading.Event,
    stats: Stats | None = None,
) -> Iterator[Step]:
    """Take the step for this attempt, so that an older attempt of it can no longer write.

    Args:
        attempt: who asks.
        settings: Bridle's configuration.
        beside: folder of the DAG file.
        budget_usd: cap of the whole run in US dollars, set when the run has none yet.
        budget_tokens: the same in tokens. Both None: roles.yaml's cap for a run, if any.
        stop: set from outside to end the work.
        stats: Airflow's metrics; None: it sends none.

    Raises:
        LedgerUnavailable: Postgres cannot be reached.
        ConfigError: the ledger's schema is not this version's.
    """
    with (
        ledger_type(stats).from_connection(settings.ledger_conn_id) as ledger,
        watched(ledger, attempt, stats=stats, content=settings.trace_content) as trace,
    ):
        ledger.check_schema()
        fence = ledger.take_step(attempt)
        try:
            with room_told():
                yield Step(
                    attempt, settings, ledger, fence, beside, stop, Cap(budget_usd, budget_tokens), trace
                )
        except (LedgerUnavailable, FenceLost):
            raise  # there is nowhere to write it, or a newer attempt tells what becomes of the step
        except BridleError as error:
            with suppress(LedgerUnavailable):  # what went wrong matters more than that it is not on record
                ledger.record_failure(attempt, error)
            raise


def _cap(wanted: budgets.Cap | None) -> Cap:
    return Cap() if wanted is None else Cap(wanted.usd, wanted.tokens)
