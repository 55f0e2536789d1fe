"""Where a step works: its repository on this host, and what stands between a session and the host."""

from functools import cached_property
from pathlib import Path

from bridle.config.repositories import Repository
from bridle.config.settings import Settings
from bridle.errors import ConfigError, RepositoryError
from bridle.forge import remote_of
from bridle.harness.step import Step
from bridle.process.sandbox import Isolation, Network, Sandbox
from bridle.process.strength import Strength, detect
from bridle.workspace.carrier import LedgerCarrier
from bridle.workspace.mirror import Mirror
from bridle.workspace.patch import Patch
from bridle.workspace.remote import Remote
from bridle.workspace.workspace import Workspace


class Bench:
    """The workspace of one step, and the sandbox for what runs in it."""

    def __init__(self, step: Step, repository: Repository | None) -> None:
        self.step = step
        self.repository = repository

    @cached_property
    def workspace(self) -> Workspace:
        """Clones below this host's `[bridle] home`, with commits carried through the ledger."""
        return Workspace(self.step.settings.home, LedgerCarrier(self.step.ledger), remote=self._remote)

    def _remote(self, repository: Repository) -> Remote:
        """The repository's remote; its token is one more secret to keep out of everything."""
        remote = remote_of(repository)
        if remote.token:
            self.step.ledger.redactor.add(remote.token)
        return remote

    @property
    def required(self) -> Repository:
        """The repository.

        Raises:
            RepositoryError: the step has none.
        """
        if self.repository is None:
            raise RepositoryError(f"{self.step.attempt.step.path} needs a repository; give it `repo`")
        return self.repository

    @cached_property
    def mirror(self) -> Mirror:
        """This host's copy of the repository."""
        return self.workspace.mirror(self.required)

    def resolve(self, ref: str) -> str:
        """The commit that a branch or sha stands for; empty when there is no repository.

        Raises:
            RepositoryError: it is unknown; the message lists the branches.
        """
        if self.repository is None:
            return ""
        if self.mirror.has(ref):
            return ref
        if len(ref) == 40:
            self.workspace.carrier.fetch(self.mirror, ref)
        else:
            self.mirror.fetch()
        return self.mirror.resolve(ref)

    def patch(self, base: str, head: str) -> Patch:
        """What lies between two commits, wherever they were made."""
        return self.mirror.diff(self.resolve(base), self.resolve(head))

    def sandbox(self, *, writable: tuple[Path, ...], readable: tuple[Path, ...] = ()) -> Sandbox:
        """What a session or a check may touch on this host.

        Raises:
            ConfigError: the configuration asks for an isolation that this host does not have.
        """
        settings = self.step.settings
        network: Network = "host" if self.repository is not None and self.repository.network else "none"
        isolation = chosen_isolation(settings)
        return Sandbox(
            isolation=isolation,
            writable=writable,
            readable=readable,
            hidden=(settings.home, *settings.secret_places),
            network=network,
            user=None if isolation is Isolation.NONE else strength_of(settings).user,
        )


def strength_of(settings: Settings) -> Strength:
    """What this host can do, as found out now or by an earlier process."""
    return detect(memory=settings.home)


def chosen_isolation(settings: Settings) -> Isolation:
    """The isolation that the configuration and this host agree on.

    Raises:
        ConfigError: `sandbox` is asked for and cannot be had, or live models would work without any sandbox
            although nobody has said that this is wanted.
    """
    if settings.isolation == "none":
        isolation = Isolation.NONE
    else:
        isolation = strength_of(settings).choose(
            Isolation.SANDBOX if settings.isolation == "sandbox" else None
        )
    if (
        settings.answered_by == "live"
        and isolation is not Isolation.SANDBOX
        and not settings.allow_unsandboxed
    ):
        why = strength_of(settings).reasons.get(Isolation.SANDBOX, "[bridle] isolation is `none`")
        raise ConfigError(
            f"this host has no sandbox for agents ({why}). Install bubblewrap, or set "
            f"AIRFLOW__BRIDLE__ALLOW_UNSANDBOXED=True to let live models work with isolation `{isolation}`"
        )
    return isolation
