"""What crosses the ledger's border: frozen, plain, complete."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

Json = Any
"""What `json.dumps` takes."""


@dataclass(frozen=True)
class StepKey:
    """One task of one DAG run."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    """Airflow's; -1 for a task that is not mapped."""

    @property
    def path(self) -> str:
        """`dag/run/task`, and `/3` behind it for a mapped task."""
        mapped = f"/{self.map_index}" if self.map_index >= 0 else ""
        return f"{self.dag_id}/{self.run_id}/{self.task_id}{mapped}"

    @property
    def scope(self) -> str:
        """The step as a scope of budgets and stop flags, and the key of its fence."""
        return f"step:{self.path}"

    @property
    def run_scope(self) -> str:
        """The step's run as a scope of budgets and stop flags."""
        return f"run:{self.dag_id}/{self.run_id}"


@dataclass(frozen=True)
class Attempt:
    """One try of one step; `ti_id` is its identity, the rest says where it belongs."""

    step: StepKey
    ti_id: str
    """Airflow's id of the try: a UUIDv7, new for every try."""
    try_number: int
    generation: int
    """Airflow's `ti.max_tries`: a clear raises it, a retry does not."""
    loop_id: str | None = None
    loop_round: int | None = None

    @property
    def name(self) -> str:
        """The task as scripts of models name it: `review`; in a loop `r2.review`, and mapped `r2.work.0`."""
        if not self.loop_id:
            return self.step.task_id
        mapped = f".{self.step.map_index}" if self.step.map_index >= 0 else ""
        return f"r{self.loop_round}.{self.step.task_id}{mapped}"


@dataclass(frozen=True)
class Fence:
    """Proof of holding something; a higher token of the same key makes it worthless."""

    key: str
    token: int
    holder: str


@dataclass(frozen=True)
class SessionStart:
    """Everything known about a session before it begins."""

    attempt: Attempt
    fence: Fence
    round: int
    """1 for the step's first round."""
    role: str
    agent: str
    model: str
    provider: str
    dialect: str
    repo: str | None
    base_commit: str | None
    isolation: str
    prompt: str
    """The rendered text; stored as an artifact."""
    prompt_digest: str
    limits: dict[str, Json]
    resumed_from: UUID | None = None
    """The session whose transcript and checkpoint this one goes on with."""


@dataclass(frozen=True)
class SessionRow:
    """One session as the ledger has it."""

    id: UUID
    attempt: Attempt
    fence: Fence
    round: int
    role: str
    agent: str
    model: str
    provider: str
    dialect: str
    repo: str | None
    base_commit: str | None
    isolation: str
    prompt_ref: str
    """Artifact with the rendered prompt."""
    prompt_digest: str
    limits: dict[str, Json]
    resumed_from: UUID | None
    opened_at: datetime
    expires_at: datetime
    """When its lease runs out unless a heartbeat comes."""
    checkpoint: str | None
    """Newest commit made by the harness while it worked."""
    closed_at: datetime | None
    outcome: str | None
    """None while it is open."""
    reason: str
    summary: str
    result: dict[str, Json] | None
    session_ref: str
    """The agent's own id."""
    turns: int
    commit: str | None
    reported: dict[str, Json]
    """Usage as the agent reported it: a cross-check."""
    transcript_ref: str | None
    diff_ref: str | None = None
    """Artifact with what it changed; None: nothing."""


@dataclass(frozen=True)
class CheckRow:
    """One run of a check by the harness."""

    id: UUID
    attempt: Attempt
    session_id: UUID | None
    round: int
    name: str
    command: str
    commit: str | None
    exit_code: int | None
    """None when it was killed or timed out."""
    seconds: float
    tail: str
    artifact: str | None
    """The whole output."""
    timed_out: bool
    at: datetime


@dataclass(frozen=True)
class DecisionRow:
    """A choice, and who made it."""

    id: UUID
    attempt: Attempt
    what: str
    options: list[str]
    choice: str
    why: str
    confidence: float | None
    by: str
    """`rule`, `model:<role>`, `human:<user>` or `policy`."""
    at: datetime


@dataclass(frozen=True)
class ReviewRow:
    """What a human was shown, and answered."""

    id: UUID
    attempt: Attempt
    subject: str
    commit: str
    patch_hash: str
    snapshot: dict[str, Json]
    opened_at: datetime
    decision: str | None
    """`approve`, `reject`, `withdrawn`, or None while it is open."""
    by: str | None
    feedback: str
    answered_at: datetime | None


@dataclass(frozen=True)
class EffectRow:
    """One outside write."""

    key: str
    """Identity of the object in the world."""
    version: str
    """Hash of what it should say."""
    kind: str
    target: str
    state: str
    """`intended`, `done` or `uncertain`."""
    attempt: Attempt
    fence: Fence
    intended_at: datetime
    done_at: datetime | None
    receipt: dict[str, Json] | None
    why: str
    """Why it is uncertain."""
    settled_in: float = 0.0
    """Seconds during which another attempt's write may still be under way; 0 for one's own intent."""


@dataclass(frozen=True)
class StepState:
    """What a retry needs to know: every session and check of one step and generation, oldest first."""

    sessions: tuple[SessionRow, ...]
    checks: tuple[CheckRow, ...]
    previous: SessionRow | None
    """Newest session of the generation before: where a cleared step goes on."""


@dataclass(frozen=True)
class EventRow:
    """One stored event of a session."""

    session_id: UUID
    seq: int
    """Counts from 1 in each session."""
    at: datetime
    kind: str
    payload: dict[str, Json]


@dataclass(frozen=True)
class BundleRow:
    """Commits of a repository as a git bundle."""

    repo: str
    sha: str
    """The commit that it brings."""
    base_sha: str | None
    """The commit that must be there before; None: complete."""
    data: bytes


@dataclass(frozen=True)
class Usage:
    """Tokens of one call, or of many."""

    input_tokens: int = 0
    """Cache reads and writes included."""
    output_tokens: int = 0
    """Reasoning included."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Price:
    """What a call cost, and who says so."""

    amount: Decimal | None
    """None: unknown. Never zero for unknown."""
    currency: str = "USD"
    source: str = ""
    version: str = ""


@dataclass(frozen=True)
class CallRequest:
    """A model call that wants to be made."""

    session_id: UUID
    fence: Fence
    scopes: tuple[str, ...]
    """Every budget it counts against."""
    dialect: str
    model: str
    estimated_tokens: int
    """Upper bound."""
    estimated_usd: Decimal | None
    """Upper bound; None when the model's price is unknown."""
    request_bytes: int
    provider: str = ""
    """Who is asked; another than the session's own after a failover."""


@dataclass(frozen=True)
class Totals:
    """Model calls, summed; each counted once."""

    calls: int
    usage: Usage
    cost_usd: Decimal | None
    """None as soon as one call's cost is unknown."""
    unknown_calls: int
    """Calls whose cost is unknown."""
    known_usd: Decimal = Decimal(0)
    """What the other calls cost."""


@dataclass(frozen=True)
class BudgetRow:
    """One scope's caps and counters."""

    scope: str
    cap_usd: Decimal | None = None
    cap_tokens: int | None = None
    reserved_usd: Decimal = Decimal(0)
    reserved_tokens: int = 0
    spent_usd: Decimal = Decimal(0)
    """A call whose cost is unknown counts with its estimate."""
    spent_tokens: int = 0
    calls: int = 0
    stopped_by: str | None = None
    """Who asked for a stop; None: nobody."""
    capped_by: str | None = None
    """`roles.yaml`, `params` or `human:<user>`; None: the session's own limit, or no cap."""
    warned_at: datetime | None = None
    """When the spent part came to 80 % of a cap; None: not yet."""


@dataclass(frozen=True)
class Cap:
    """The most that may be spent."""

    usd: Decimal | None = None
    """US dollars; None: no cap."""
    tokens: int | None = None
    """Input and output together; None: no cap."""


@dataclass(frozen=True)
class Allowances:
    """What is set when a step begins."""

    day: Cap = Cap()
    """Of every day (UTC), all DAGs together."""
    dag_day: Cap = Cap()
    """Of every day, the step's DAG alone."""
    run: Cap = Cap()
    loop: Cap = Cap()
    step: Cap = Cap()
    """Of one generation: a clear allows as much again."""
    by: str = "roles.yaml"
    """Where the run's cap comes from; the others are from roles.yaml."""


@dataclass(frozen=True)
class BudgetWarning:
    """A scope has spent 80 % of a cap or more; told once for each cap."""

    scope: str
    spent_usd: Decimal
    cap_usd: Decimal | None
    spent_tokens: int
    cap_tokens: int | None

    def __str__(self) -> str:
        parts = []
        if self.cap_usd is not None:
            parts.append(f"${self.spent_usd:.4f} of ${self.cap_usd:.4f}")
        if self.cap_tokens is not None:
            parts.append(f"{self.spent_tokens:,} of {self.cap_tokens:,} tokens")
        return f"the budget of {self.scope} is nearly spent: {' and '.join(parts)}"


class EventLike(Protocol):
    """An event of a session, whoever defines it."""

    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def payload(self) -> Mapping[str, Json]: ...
