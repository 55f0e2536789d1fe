"""Claude Code's stream of messages, as events."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bridle.agents.base import Event, EventKind, SessionResult, SessionSpec
from bridle.agents.ending import api_error
from bridle.agents.render import title

if TYPE_CHECKING:
    from claude_agent_sdk import AssistantMessage, Message, ResultMessage, UserMessage


class ClaudeStream:
    """Turns messages into events, and counts turns.

    Args:
        spec: the session.
        on_event: where the events go.
    """

    def __init__(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> None:
        self.spec = spec
        self.session_ref = ""
        self.last_text = ""
        self.reported: dict[str, Any] = {}
        self._on_event = on_event
        self._answers: set[str] = set()
        self._tools: dict[str, tuple[str, str]] = {}
        self._started = False

    @property
    def turns(self) -> int:
        """Model calls of the main loop so far."""
        return len(self._answers)

    def take(self, message: "Message") -> SessionResult | None:
        """Report one message; a result when there is no sense in going on."""
        from claude_agent_sdk import AssistantMessage, SystemMessage, UserMessage

        if isinstance(message, SystemMessage):
            return self._system(message.subtype, message.data)
        if isinstance(message, AssistantMessage):
            self._assistant(message)
        elif isinstance(message, UserMessage):
            self._user(message)
        return None

    def end(self, message: "ResultMessage") -> None:
        """Report what only the last message tells: denials, and the CLI's own count."""
        for denial in message.permission_denials or []:
            tool = denial.get("tool_name", "")
            what = title(tool, denial.get("tool_input") or {}, self.spec.workdir)
            self._say(EventKind.DENIED, tool=tool, title=what, reason="not allowed in this session")
        # Cumulative over a resumed session; a made-up price where costBasis is not `list`.
        self.reported = {
            "usage": message.usage,
            "model_usage": message.model_usage,
            "cost_usd": message.total_cost_usd,
            "num_turns": message.num_turns,
        }
        self._say(EventKind.USAGE, cost_usd=message.total_cost_usd, **_counts(message.usage or {}))

    def _system(self, subtype: str, data: dict[str, Any]) -> SessionResult | None:
        if subtype == "init":
            self.session_ref = data.get("session_id") or self.session_ref
            if not self._started:
                self._started = True
                version = data.get("claude_code_version", "")
                agent, model = self.spec.agent, data.get("model", self.spec.model)
                self._say(
                    EventKind.STARTED, agent=agent, version=version, model=model, session_ref=self.session_ref
                )
        elif subtype == "api_retry":
            status, error = data.get("error_status"), data.get("error")
            attempt = f"attempt {data.get('attempt')} of {data.get('max_retries')}"
            self._say(
                EventKind.ERROR, message=f"{status or 'no answer'} {error or ''}, {attempt}", retryable=True
            )
            if status in (401, 403) or error == "authentication_failed":
                # The CLI would go on for minutes, as if a key could become right.
                return api_error(status or 401, "the API key was refused", **self._known())
        return None

    def _assistant(self, message: "AssistantMessage") -> None:
        from claude_agent_sdk import TextBlock, ThinkingBlock, ToolUseBlock

        if message.error and not message.message_id:
            return
        self._answers.add(message.message_id or message.uuid or str(len(self._answers)))
        for block in message.content:
            if isinstance(block, TextBlock) and block.text.strip():
                self.last_text = block.text.strip()
                self._say(EventKind.TEXT, text=block.text)
            elif isinstance(block, ThinkingBlock) and block.thinking.strip():
                self._say(EventKind.REASONING, text=block.thinking)
            elif isinstance(block, ToolUseBlock):
                what = title(block.name, block.input, self.spec.workdir)
                self._tools[block.id] = block.name, what
                self._say(EventKind.TOOL_CALL, id=block.id, tool=block.name, title=what, input=block.input)

    def _user(self, message: "UserMessage") -> None:
        from claude_agent_sdk import ToolResultBlock

        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, ToolResultBlock):
                tool, _ = self._tools.get(block.tool_use_id, ("", ""))
                ok = not block.is_error
                self._say(
                    EventKind.TOOL_RESULT, id=block.tool_use_id, tool=tool, ok=ok, text=_text(block.content)
                )

    def _say(self, kind: EventKind, **payload: Any) -> None:
        if self.turns:
            payload["turn"] = self.turns
        self._on_event(Event(kind=kind, payload=payload))

    def _known(self) -> dict[str, Any]:
        return {"session_ref": self.session_ref, "turns": self.turns}


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in content)
    return content or ""


def _counts(usage: dict[str, Any]) -> dict[str, int]:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    return {name: usage[name] for name in names if isinstance(usage.get(name), int)}
