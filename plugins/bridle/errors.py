"""Everything that Bridle raises on purpose.

::

    BridleError
    ├── InvalidInput            what the user gave is wrong; nothing was spent; Airflow fails the task at once
    │   ├── ConfigError             roles.yaml, repositories.yaml, a prompt, a setting
    │   │   └── NoRoom                  this host's disk is full; found out before work, or in the midst of it
    │   ├── CredentialError         a connection is missing, or its key was refused, or has no credit
    │   ├── RepositoryError         a repository, branch or commit that is unknown or cannot be used
    │   ├── IssueError              an issue that is missing, closed, locked, or whose author is not allowed
    │   └── SpecError               a spec file that is missing or cannot be read
    ├── Halted                  a limit or a person said stop; retrying would burn money again
    │   ├── BudgetSpent             a cap in the ledger is reached
    │   ├── StopRequested           a person, `on_kill` or `bridle stop` asked for it
    │   ├── FenceLost               a newer attempt of this step owns it now
    │   ├── PolicyViolation         the patch gate refused the change
    │   ├── ReviewMismatch          the approval is for another commit
    │   ├── SessionFailed           the agent ended without doing its work (reason inside)
    │   ├── GoalMissed              a loop was stopped by a rule before its goal was reached
    │   ├── SpecChanged             somebody changed the task worked on, or its branch
    │   └── EffectUncertain         nobody can tell whether an outside write happened; a person must look
    ├── StackError              the local stack did not start, or does not run
    └── Transient               worth Airflow's retry
        ├── LedgerUnavailable       Postgres cannot be reached
        ├── ProviderDown            429, 5xx, overload or time-out after every fallback
        ├── ForgeDown               the forge answers 5xx, or not at all
        ├── AirflowDown             Airflow's API answers 5xx, or not at all
        └── SessionLost             the agent's process vanished

A message says what was wrong, where, and what to do.
"""


class BridleError(Exception):
    """Root of the tree; catch it to catch everything that Bridle raises on purpose."""


class InvalidInput(BridleError):
    """What the user gave is wrong; nothing was spent."""


class ConfigError(InvalidInput):
    """A role, repository, prompt or setting is wrong; the message names the file."""


class NoRoom(ConfigError):
    """This host's disk is full; what was done so far is kept, and a cleared task goes on from there."""


class CredentialError(InvalidInput):
    """A connection is missing, its key was refused, or it has no credit; the message names the connection."""


class RepositoryError(InvalidInput):
    """A repository, branch or commit is unknown or cannot be used."""


class IssueError(InvalidInput):
    """An issue is missing, closed, locked, or its author is not allowed."""


class SpecError(InvalidInput):
    """A spec file is missing or cannot be read."""


class Halted(BridleError):
    """A limit or a person said stop."""


class BudgetSpent(Halted):
    """A cap in the ledger is reached; `scope` names which."""

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class StopRequested(Halted):
    """A person, `on_kill` or `bridle stop` asked for it."""


class FenceLost(Halted):
    """A newer attempt of this step owns it now; this one must not write."""


class PolicyViolation(Halted):
    """The patch gate refused the change."""


class ReviewMismatch(Halted):
    """The approval is for another commit than the one that would be published."""


class SessionFailed(Halted):
    """The agent ended without doing its work; the message carries the reason."""


class SpecChanged(Halted):
    """Somebody changed the task that was worked on, or its branch; what they wrote stands."""


class GoalMissed(Halted):
    """A loop was stopped by a rule before its goal was reached; the message names the rule."""


class EffectUncertain(Halted):
    """Nobody can tell whether an outside write happened; a person must look."""


class StackError(BridleError):
    """The local stack did not start, or does not run; the message names its log."""


class Transient(BridleError):
    """Worth Airflow's retry; `retry_after` says in how many seconds, when whoever refused has said it."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LedgerUnavailable(Transient):
    """Postgres cannot be reached."""


class ProviderDown(Transient):
    """The model's provider answers 429, 5xx or not at all, after every fallback."""


class ForgeDown(Transient):
    """The forge answers 5xx, or asks for patience, or does not answer at all."""


class AirflowDown(Transient):
    """Airflow's API answers 5xx, or not at all."""


class SessionLost(Transient):
    """The agent's process vanished."""
