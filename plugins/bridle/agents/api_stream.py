"""pydantic-ai's growing message history, as events and as a transcript."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.agents.base import Event, EventKind, Resume, SessionSpec
from bridle.agents.render import title

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse


class ApiStream:
    """Reports every message once, and appends it to the transcript.

    Args:
        spec: the session.
        transcript: the file for messages, one a line.
        on_event: where the events go.
    """

    def __init__(self, spec: SessionSpec, transcript: Path, on_event: Callable[[Event], None]) -> None:
        self.spec = spec
        self.turns = 0
        self.last_text = ""
        self._transcript = transcript
        self._on_event = on_event
        self._seen = 0
        self._usage = {"input_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0, "output_tokens": 0}

    def start(self, resume: Resume | None) -> "list[ModelMessage] | None":
        """Report the start; the history of the session that is resumed."""
        from importlib.metadata import version

        self._say(
            EventKind.STARTED,
            agent=self.spec.agent,
            version=version("pydantic-ai-slim"),
            model=self.spec.model,
            session_ref=self.spec.session_id,
        )
        history = _read(resume.transcript) if resume else []
        self._transcript.unlink(missing_ok=True)
        self._append(history)
        self._seen = len(history)
        return history or None

    def take(self, messages: "Sequence[ModelMessage]") -> None:
        """Report what is new among all messages so far."""
        new = messages[self._seen :]
        self._seen = len(messages)
        self._append(new)
        for message in new:
            if message.kind == "response":
                self._response(message)
            else:
                self._request(message)

    def known(self) -> dict[str, Any]:
        """What every result of this session carries."""
        return {"session_ref": self.spec.session_id, "turns": self.turns, "reported": {"usage": self._usage}}

    def _response(self, message: "ModelResponse") -> None:
        self.turns += 1
        for name in self._usage:
            self._usage[name] += getattr(message.usage, name)
        for part in message.parts:
            if part.part_kind == "text" and part.content.strip():
                self.last_text = part.content.strip()
                self._say(EventKind.TEXT, text=part.content)
            elif part.part_kind == "thinking" and part.content.strip():
                self._say(EventKind.REASONING, text=part.content)
            elif part.part_kind == "tool-call":
                arguments = part.args_as_dict()
                what = title(part.tool_name, arguments, self.spec.workdir)
                self._say(
                    EventKind.TOOL_CALL,
                    id=part.tool_call_id,
                    tool=part.tool_name,
                    title=what,
                    input=arguments,
                )

    def _request(self, message: "ModelRequest") -> None:
        for part in message.parts:
            if part.part_kind == "tool-return":
                text = part.model_response_str()
                ok = not text.startswith("error: ")
            elif part.part_kind == "retry-prompt":
                text, ok = part.model_response(), False
            else:
                continue
            self._say(EventKind.TOOL_RESULT, id=part.tool_call_id, tool=part.tool_name, ok=ok, text=text)

    def _say(self, kind: EventKind, **payload: Any) -> None:
        if self.turns:
            payload["turn"] = self.turns
        self._on_event(Event(kind=kind, payload=payload))

    def _append(self, messages: "Sequence[ModelMessage]") -> None:
        from pydantic_ai.messages import ModelMessagesTypeAdapter

        with self._transcript.open("ab") as file:
            for message in messages:
                file.write(ModelMessagesTypeAdapter.dump_json([message]) + b"\n")


def _read(transcript: Path) -> "list[ModelMessage]":
    """The history, without what a killed session left half done at its end."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    history: list[ModelMessage] = []
    for line in transcript.read_bytes().split(b"\n")[:-1]:
        history += ModelMessagesTypeAdapter.validate_json(line)
    # Calls without results are no history that a provider takes; the model makes them again.
    while history and history[-1].kind == "response" and history[-1].tool_calls:
        history.pop()
    return history
