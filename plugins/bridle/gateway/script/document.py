"""The script file: what the model says, session by session, turn by turn."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from bridle.config.document import load

Fault = Literal["hang", "stall", "cut"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Read(_Strict):
    """Read a file."""

    op: Literal["read"]
    path: str
    """Relative to the session's work tree, as in every other operation."""


class Search(_Strict):
    """Search file contents."""

    op: Literal["search"]
    pattern: str
    path: str | None = None


class Edit(_Strict):
    """Replace one text by another."""

    op: Literal["edit"]
    path: str
    old: str
    new: str


class Write(_Strict):
    """Write a whole file."""

    op: Literal["write"]
    path: str
    content: str


class Shell(_Strict):
    """Run a shell command."""

    op: Literal["shell"]
    command: str


Op = Annotated[Read | Search | Edit | Write | Shell, Field(discriminator="op")]


class Reported(_Strict):
    """The usage that the model reports for a turn."""

    input_tokens: int
    """All of them, those read from and written to the cache included."""
    output_tokens: int
    """Those for reasoning included."""
    cache_read_tokens: int = 0
    """Part of `input_tokens`, as is the next one."""
    cache_write_tokens: int = 0
    """Charged at more than the plain price."""
    reasoning_tokens: int = 0
    """Part of `output_tokens`; only the OpenAI dialect tells it."""


class Turn(_Strict):
    """One answer of the model."""

    text: str = ""
    """What it says."""
    reasoning: str = ""
    """What it thinks before, as far as it lets that be seen."""
    ops: tuple[Op, ...] = ()
    """Tool calls, all in this one answer."""
    output: dict[str, Any] | None = None
    """The structured answer: through the final tool that the request offers, else as JSON text."""
    usage: Reported | None = None
    """Default: a token for every four bytes of the request and of the answer."""
    fail: tuple[int | Fault, ...] = ()
    """What goes wrong at the first, second … attempt at this turn: an HTTP status, or a `Fault`."""
    failing: str | None = None
    """Model that goes wrong, by the provider's name for it; None: every one."""
    retry_after: float | None = None
    """Seconds, sent as `retry-after` with a status out of `fail`."""
    delay: float = Field(default=0, ge=0)
    """Seconds before the answer starts."""
    hang: bool = False
    """Never answer."""
    stall: bool = False
    """Stop in the middle of the answer and keep the connection open."""
    cut: bool = False
    """Break the connection in the middle of the answer."""

    def fault(self, attempt: int, model: str) -> int | Fault | None:
        """What goes wrong at this attempt, counted from 0, when this model is asked."""
        if self.failing not in (None, model):
            return None
        if attempt < len(self.fail):
            return self.fail[attempt]
        always: tuple[Fault, ...] = ("hang", "stall", "cut")
        return next((name for name in always if getattr(self, name)), None)


Session = Annotated[tuple[Turn, ...], Field(min_length=1)]


class Script(RootModel[dict[str, Annotated[tuple[Session, ...], Field(min_length=1)]]]):
    """Task id to sessions, one for each round; the last one also plays every later round.

    A key `task@repository` goes before `task` in that repository.
    """

    @classmethod
    def read(cls, path: Path) -> "Script":
        """Read a script file.

        Raises:
            ConfigError: with file and line.
        """
        return load(path, cls)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task ids, in the order of the file."""
        return tuple(self.root)

    def session(self, task: str, round_number: int) -> tuple[Turn, ...] | None:
        """The turns of a task's round; None when the script does not know the task.

        Args:
            task: `fix`, or `fix@acme/widgets`: what the script has for that repository, else for any.
            round_number: from 1.
        """
        sessions = self.root.get(task) or self.root.get(task.partition("@")[0])
        return sessions[min(max(round_number, 1), len(sessions)) - 1] if sessions else None
