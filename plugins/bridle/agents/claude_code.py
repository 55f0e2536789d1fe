"""Claude Code, the real one, through its SDK."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from bridle.agents.access import tools_of
from bridle.agents.base import Event, Outcome, SessionResult, SessionSpec, Supports
from bridle.agents.claude_stream import ClaudeStream
from bridle.agents.ending import api_error, failed, invalid
from bridle.errors import ConfigError

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, ResultMessage

INSTALL = "Claude Code is not installed here; run: pip install 'airflow-bridle[claude]'"

ASK_AGAIN = (
    "Give your answer now by calling the StructuredOutput tool, with what you have found and done so far."
)

_TOOLS = {
    "read": ("Read",),
    "search": ("Grep", "Glob"),
    "edit": ("Edit",),
    "write": ("Write",),
    "shell": ("Bash",),
}
# A bare tool name would lift the limit to the working directory; Grep and Glob follow the rule of Read, and
# Write that of Edit.
_RULES = {
    "read": "Read(./**)",
    "search": "Read(./**)",
    "edit": "Edit(./**)",
    "write": "Edit(./**)",
    "shell": "Bash",
}

_SETTINGS = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    # Seven kilobytes on how to commit and open pull requests; the harness does both.
    "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS": "1",
    "CLAUDE_CODE_MAX_RETRIES": "4",
    # What one answer may be; the gateway reserves all of it before each call, so the default of 32,000 would
    # make small budgets useless.
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "16000",
    # the gateway keeps the time of calls; before one, it may wait long for its turn
    "API_TIMEOUT_MS": "3600000",
    "CLAUDE_ENABLE_BYTE_WATCHDOG": "1",
    "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS": "120000",
}


class ClaudeCodeAgent:
    """Runs the bundled CLI with the smallest context that does the job, and no settings but ours."""

    name = "claude-code"
    supports = Supports(dialects=("anthropic-messages",), efforts=("low", "medium", "high", "xhigh", "max"))

    def run(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> SessionResult:
        """Run the session to its end.

        Raises:
            ConfigError: the SDK or its CLI is not installed.
        """
        try:
            import claude_agent_sdk  # noqa: F401
        except ImportError as error:
            raise ConfigError(INSTALL) from error
        return asyncio.run(_Session(spec, on_event).run())

    def transcript(self, home: Path) -> Path | None:
        """The newest transcript in the session's own configuration folder."""
        found = _config(home).glob("projects/*/*.jsonl")
        return max(found, key=lambda path: path.stat().st_mtime, default=None)


class _Session:
    def __init__(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> None:
        self.spec = spec
        self.stream = ClaudeStream(spec, on_event)
        self.complaints: list[str] = []

    async def run(self) -> SessionResult:
        spec = self.spec
        if spec.resume:
            self._lay_out(spec.resume.transcript, spec.resume.session_ref)
            self.stream.session_ref = spec.resume.session_ref
            ending = await self._query(spec.prompt, {"resume": spec.resume.session_ref})
        else:
            self.stream.session_ref = str(uuid4())
            ending = await self._query(spec.prompt, {"session_id": self.stream.session_ref})
        if self._lacks_output(ending):
            ending = await self._query(ASK_AGAIN, {"resume": self.stream.session_ref})
        return self._result(ending)

    async def _query(self, prompt: str, session: dict[str, str]) -> "ResultMessage | SessionResult":
        """One run of the CLI: what it ended with, in its words, or in ours where it has none."""
        from claude_agent_sdk import ClaudeSDKError, CLINotFoundError, ResultMessage, query

        ending: ResultMessage | None = None
        messages = query(prompt=prompt, options=self._options(session))
        try:
            async for message in messages:
                if isinstance(message, ResultMessage):
                    ending = message
                elif refused := self.stream.take(message):
                    return refused
        except CLINotFoundError as error:
            raise ConfigError(INSTALL) from error
        except ClaudeSDKError as error:
            # The SDK raises after every result that is an error, too; that result says more.
            if ending is None:
                said = "\n".join([*self.complaints[-5:], str(error)])
                return failed(f"claude code: {said}", **self._known())
        if ending is None:
            return failed("claude code: it ended without a result", **self._known())
        self.stream.end(ending)
        return ending

    def _options(self, session: dict[str, str]) -> "ClaudeAgentOptions":
        from claude_agent_sdk import ClaudeAgentOptions

        spec = self.spec
        tools = tools_of(spec)
        names = [name for tool in tools for name in _TOOLS[tool] if name != "Glob" or "shell" not in tools]
        return ClaudeAgentOptions(
            cwd=spec.workdir,
            model=spec.model,
            effort=cast(Any, spec.effort),
            tools=names,
            allowed_tools=sorted({_RULES[tool] for tool in tools}),
            permission_mode="dontAsk",
            system_prompt=spec.instructions or None,
            setting_sources=[],
            skills=[],
            strict_mcp_config=True,
            # An `@path` in the text of an issue is text.
            verbatim_prompts=True,
            # else newer models keep what they thought to themselves
            extra_args={"thinking-display": "summarized"},
            max_turns=spec.limits.turns,
            max_buffer_size=16 * 1024 * 1024,
            output_format={"type": "json_schema", "schema": spec.output_schema}
            if spec.output_schema
            else None,
            stderr=self.complaints.append,
            env={
                **_SETTINGS,
                "ANTHROPIC_BASE_URL": spec.gateway_url,
                "ANTHROPIC_API_KEY": spec.gateway_token,
                "CLAUDE_CONFIG_DIR": str(_config(spec.home)),
                "CLAUDE_CODE_TMPDIR": str(spec.home / "tmp"),
                **_tracing(spec),
            },
            resume=session.get("resume"),
            session_id=session.get("session_id"),
        )

    def _lay_out(self, transcript: Path, session_ref: str) -> None:
        """Put the transcript where the CLI looks for it; the name of the folder comes from the work tree."""
        from claude_agent_sdk import project_key_for_directory

        folder = _config(self.spec.home) / "projects" / project_key_for_directory(self.spec.workdir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{session_ref}.jsonl").write_bytes(transcript.read_bytes())

    def _lacks_output(self, ending: "ResultMessage | SessionResult") -> bool:
        return (
            self.spec.output_schema is not None
            and not isinstance(ending, SessionResult)
            and not ending.is_error
            and ending.stop_reason != "refusal"
            and ending.structured_output is None
        )

    def _result(self, ending: "ResultMessage | SessionResult") -> SessionResult:
        if isinstance(ending, SessionResult):
            return ending
        known = self._known()
        text = (ending.result or "").strip()
        if ending.is_error:
            return self._error(ending, text, known)
        if ending.stop_reason == "refusal":
            return failed(f"refused: {text or 'the model refused without a word'}", Outcome.REFUSED, **known)
        output = ending.structured_output
        if problem := self._missing(text, output):
            return failed(problem, **known)
        summary = text or self.stream.last_text
        return SessionResult(outcome=Outcome.DONE, summary=summary[:500], output=output, **known)

    def _missing(self, text: str, output: Any) -> str | None:
        """What a session that ended well lacks."""
        if self.spec.output_schema is None:
            return None if text else "empty: the session ended without an answer"
        if output is None:
            return "output: no structured output, also when asked again"
        problem = invalid(self.spec.output_schema, output)
        return f"output: {problem}" if problem else None

    def _error(self, ending: "ResultMessage", text: str, known: dict[str, Any]) -> SessionResult:
        # Not `subtype`: it says `success` when the API failed.
        match ending.terminal_reason:
            case "max_turns":
                return failed(f"turns: not done after {self.spec.limits.turns} turns", Outcome.LIMIT, **known)
            case "api_error":
                return api_error(ending.api_error_status, text, **known)
            case reason:
                said = text or "; ".join(ending.errors or []) or "no message"
                return failed(f"claude code: {reason or ending.subtype}: {said}", **known)

    def _known(self) -> dict[str, Any]:
        return {
            "session_ref": self.stream.session_ref,
            "turns": self.stream.turns,
            "reported": self.stream.reported,
        }


def _tracing(spec: SessionSpec) -> dict[str, str]:
    """Have the CLI send its spans to the gateway, below the session's; it leaves prompts out by itself."""
    if not spec.traceparent:
        return {}
    return {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        # spans, besides metrics and logs, which stay off
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": spec.gateway_url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={spec.gateway_token}",
        "TRACEPARENT": spec.traceparent,
    }


def _config(home: Path) -> Path:
    return home / ".claude"
