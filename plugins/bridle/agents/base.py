"""The contract between the harness and whatever drives a session.

Plain data and one protocol. This module is imported in the child process, which has no keys and no
database: it imports neither Airflow, nor the gateway, nor the ledger.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Access = Literal["none", "read", "write"]
Dialect = Literal["anthropic-messages", "openai-chat", "openai-responses"]


class Outcome(StrEnum):
    """How a session ended."""

    DONE = "done"
    LIMIT = "limit"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Frozen):
    """What one session may use; enforced outside the agent."""

    cost_usd: float | None = Field(default=None, gt=0)
    """US dollars, counted by the gateway."""
    tokens: int | None = Field(default=None, gt=0)
    """Input and output tokens together, cache included, counted by the gateway."""
    turns: int = Field(default=40, gt=0)
    """Model calls of the main loop."""
    minutes: float = Field(default=30.0, gt=0)
    """Wall clock."""
    idle_minutes: float = Field(default=5.0, gt=0)
    """Without an event from the agent and without traffic through the gateway."""


class Resume(_Frozen):
    """Where an interrupted session left off."""

    session_ref: str
    """The agent's own id of the session."""
    transcript: Path
    """The transcript, laid out by the operator before launch."""


class SessionSpec(_Frozen):
    """One run of one agent, complete: the child process needs nothing else."""

    session_id: str
    agent: str
    """Name in `bridle.agents.AGENTS`, e.g. `claude-code`."""
    prompt: str
    instructions: str = ""
    """Put before the prompt as system text."""
    workdir: Path
    """The clone (an empty folder for access `none`)."""
    home: Path
    """Private HOME of the session; configuration, caches and transcripts live below it."""
    access: Access
    model: str
    """The provider's model name, without a provider prefix."""
    dialect: Dialect
    effort: str | None = None
    reasoning_summary: bool = False
    """Ask for a summary of the model's reasoning also where not everybody is given one."""
    tools: tuple[str, ...] = ()
    """Abstract names out of read, search, edit, write, shell; empty means the access level's default."""
    output_schema: dict[str, Any] | None = None
    """JSON schema of the wanted structured output."""
    limits: Limits = Limits()
    gateway_url: str
    """Base URL without `/v1`, e.g. `http://127.0.0.1:40123`."""
    gateway_token: str
    """The session's random bearer token; never a real key."""
    gateway_socket: Path | None = None
    """Unix socket of the gateway, for a sandbox without network: the runner then forwards the port of
    `gateway_url` on its own loopback to this socket."""
    env: dict[str, str] = Field(default_factory=dict)
    """Extra variables for the agent's tools (from repositories.yaml), never secrets."""
    resume: Resume | None = None
    traceparent: str = ""
    """The session's span as W3C writes it, for agents that make spans of their own; empty: none wanted."""


class EventKind(StrEnum):
    """What an agent's stream is reduced to."""

    STARTED = "started"
    TEXT = "text"
    REASONING = "reasoning"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    DENIED = "denied"
    USAGE = "usage"
    CHECKPOINT = "checkpoint"
    FALLBACK = "fallback"
    WAITING = "waiting"
    BUDGET = "budget"
    ERROR = "error"
    FINISHED = "finished"


class Event(_Frozen):
    """One normalised thing that happened in a session.

    Payload keys by kind: `started` {agent, version, model, session_ref,
    traceparent}; `text`, `reasoning` {text};
    `tool_call` {id, tool, title, input}; `tool_result` {id, tool, ok, text}; `denied` {tool, title, reason};
    `usage` {…as the agent reports it, a cross-check only…}; `checkpoint` {commit}; `fallback` {model,
    next, reason}, `waiting` {reason}, both by the gateway; `error` {message,
    retryable}; `finished` {outcome, reason}. `turn` is in every payload once there is one.
    """

    kind: EventKind
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    payload: dict[str, Any] = Field(default_factory=dict)


class SessionResult(_Frozen):
    """What a session came to, in the agent's words; the harness believes none of it unchecked."""

    outcome: Outcome
    reason: str = ""
    """Why, in one line, when the outcome is not `done`; for instance `provider: 529 overloaded`."""
    summary: str = Field(default="", max_length=500)
    output: dict[str, Any] | None = None
    """The structured output, validated against `output_schema`."""
    session_ref: str = ""
    """The agent's own id, for resuming."""
    turns: int = 0
    retryable: bool = False
    """True when the same session may succeed later: provider down, process lost."""
    reported: dict[str, Any] = Field(default_factory=dict)
    """Usage and cost as the agent reports them; stored beside the gateway's count."""


class Supports(_Frozen):
    """What an agent can do. What a role or a step wants beyond it is an error when the DAG file is parsed."""

    dialects: tuple[Dialect, ...]
    """What it speaks to its model, the one it prefers first."""
    access: tuple[Access, ...] = ("none", "read", "write")
    """Kinds of sessions."""
    efforts: tuple[str, ...] = ()
    """Values of `effort`; empty: it cannot be set."""
    tools: bool = True
    """Whether a role may choose among the tools."""
    output: bool = True
    """Structured output, asked for once more when it does not fit."""
    resume: bool = True
    """An interrupted session goes on from its transcript, on another host too."""

    def lacks(
        self,
        *,
        effort: str | None = None,
        tools: Sequence[str] = (),
        access: Access = "none",
        output: bool = False,
    ) -> str:
        """What of this the agent cannot do, as the end of a sentence that its name begins; empty: nothing."""
        if output and not self.output:
            return "gives no structured output"
        if access not in self.access:
            return f"has no sessions with access {access!r}, only {', '.join(self.access)}"
        if effort is not None and not self.efforts:
            return f"has no effort to set; leave out {effort!r}"
        if effort is not None and effort not in self.efforts:
            return f"knows no effort {effort!r}; it has {', '.join(self.efforts)}"
        if tools and not self.tools:
            return "cannot be given only some of its tools; leave out `tools`"
        return ""


class Agent(Protocol):
    """A runtime that can drive a session."""

    name: str
    supports: Supports

    def run(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> SessionResult:
        """Run the session to its end in this process, reporting events as they happen."""
        ...

    def transcript(self, home: Path) -> Path | None:
        """The file below a session's home that its transcript is appended to, once there is one.

        `Resume` wants its contents back.
        """
        ...
