"""A loop of our own over an API: for models without a coding agent of their own, and for small steps."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bridle.agents.access import tools_of
from bridle.agents.api_stream import ApiStream
from bridle.agents.base import Event, Outcome, SessionResult, SessionSpec, Supports
from bridle.agents.ending import api_error, failed, invalid
from bridle.agents.toolbox import Toolbox, Unusable

if TYPE_CHECKING:
    from pydantic_ai import Agent, Tool
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

TRANSCRIPT = "transcript.jsonl"

REQUEST_SECONDS = 3600.0
"""The gateway keeps the time of calls; before one, it may wait long for its turn."""
REQUEST_RETRIES = 4
ANSWER_TOKENS = 16_000
"""Room for an answer where the dialect demands a number; enough to write a large file."""

INSTRUCTIONS = (
    "You work in a git repository, in its root. Paths are relative to it. Do not commit: the harness does. "
    "Be brief."
)


class ApiAgent:
    """pydantic-ai, pointed at the gateway."""

    name = "api"
    supports = Supports(
        dialects=("openai-chat", "anthropic-messages"),
        # further ones are the next best of these where a model does not have them, without a word
        efforts=("low", "medium", "high"),
    )

    def run(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> SessionResult:
        """Run the session to its end."""
        return asyncio.run(_Session(spec, on_event).run())

    def transcript(self, home: Path) -> Path | None:
        """One message of pydantic-ai's history a line."""
        path = home / TRANSCRIPT
        return path if path.exists() else None


class _Session:
    def __init__(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> None:
        self.spec = spec
        self.stream = ApiStream(spec, spec.home / TRANSCRIPT, on_event)

    async def run(self) -> SessionResult:
        """The whole session."""
        from pydantic_ai import Agent, UsageLimits
        from pydantic_ai.exceptions import (
            ContentFilterError,
            ModelAPIError,
            ModelHTTPError,
            UnexpectedModelBehavior,
            UsageLimitExceeded,
        )

        spec, stream = self.spec, self.stream
        history = stream.start(spec.resume)
        try:
            async with self._agent().iter(
                spec.prompt,
                message_history=history,
                usage_limits=UsageLimits(request_limit=spec.limits.turns),
            ) as run:
                async for node in run:
                    # The history gains tool results only with the model's next answer; people want them now.
                    told = [node.request] if Agent.is_model_request_node(node) else []
                    stream.take([*run.all_messages(), *told])
        except UsageLimitExceeded:
            reason = f"turns: not done after {spec.limits.turns} turns"
            return failed(reason, Outcome.LIMIT, **stream.known())
        except ContentFilterError as error:
            return failed(f"refused: {error}", Outcome.REFUSED, **stream.known())
        except ModelHTTPError as error:
            return api_error(error.status_code, f"{error.body or error}", **stream.known())
        except ModelAPIError as error:
            return api_error(None, str(error), **stream.known())
        except UnexpectedModelBehavior as error:
            said = error.__cause__ or error
            kind = "output" if spec.output_schema is not None else "empty"
            return failed(f"{kind}: {said}", **stream.known())
        assert run.result is not None  # noqa: S101
        return self._result(run.result.output)

    def _result(self, output: Any) -> SessionResult:
        known = self.stream.known()
        if self.spec.output_schema is not None:
            summary = self.stream.last_text
            return SessionResult(outcome=Outcome.DONE, summary=summary[:500], output=dict(output), **known)
        text = str(output).strip()
        if not text:
            return failed("empty: the session ended without an answer", **known)
        return SessionResult(outcome=Outcome.DONE, summary=text[:500], **known)

    def _agent(self) -> "Agent[object, Any]":
        from pydantic_ai import Agent, ModelRetry, StructuredDict

        spec = self.spec
        schema = spec.output_schema
        tools = _tools(spec)
        instructions = [spec.instructions or None, INSTRUCTIONS if tools else None]
        agent: Agent[object, Any] = Agent(
            _model(spec),
            output_type=str if schema is None else StructuredDict(schema, name="final_result"),
            instructions="\n\n".join(text for text in instructions if text) or None,
            tools=tools,
            retries=1,
            model_settings=_settings(spec),
        )
        if schema is not None:

            @agent.output_validator
            def validate(output: Any) -> Any:
                if problem := invalid(schema, dict(output)):
                    raise ModelRetry(problem)
                return output

        return agent


def _tools(spec: SessionSpec) -> "list[Tool[object]]":
    from pydantic_ai import Tool

    box = Toolbox(spec.workdir)
    # One after the other: an edit and the command that tests it may come in one answer.
    return [Tool(_forgiving(getattr(box, name)), sequential=True) for name in tools_of(spec)]


def _forgiving(tool: Callable[..., Any]) -> Callable[..., Any]:
    """`tool`, telling the model what went wrong instead of ending the session."""
    from functools import wraps

    @wraps(tool)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = tool(*args, **kwargs)
            return await answer if asyncio.iscoroutine(answer) else answer
        except (Unusable, OSError, ValueError) as error:
            return f"error: {error}"

    return call


def _model(spec: SessionSpec) -> "Model":
    if spec.dialect == "anthropic-messages":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        anthropic = AsyncAnthropic(
            base_url=spec.gateway_url,
            api_key=spec.gateway_token,
            timeout=REQUEST_SECONDS,
            max_retries=REQUEST_RETRIES,
        )
        return AnthropicModel(spec.model, provider=AnthropicProvider(anthropic_client=anthropic))
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    openai = AsyncOpenAI(
        base_url=f"{spec.gateway_url}/v1",
        api_key=spec.gateway_token,
        timeout=REQUEST_SECONDS,
        max_retries=REQUEST_RETRIES,
    )
    return OpenAIChatModel(spec.model, provider=OpenAIProvider(openai_client=openai))


def _settings(spec: SessionSpec) -> "ModelSettings":
    settings: dict[str, Any] = {}
    if spec.dialect == "anthropic-messages":
        # Every turn sends the whole session again; the provider then charges a tenth for what it has seen.
        settings |= {"max_tokens": ANSWER_TOKENS, "anthropic_cache": True}
        settings |= _thinking(spec)
    if spec.effort:
        settings["thinking"] = spec.effort
    return settings  # type: ignore[return-value]


def _thinking(spec: SessionSpec) -> dict[str, Any]:
    """How Anthropic's models think, where they do: to be seen, and within what one answer may be."""
    from pydantic_ai.profiles.anthropic import ANTHROPIC_THINKING_BUDGET_MAP, anthropic_model_profile

    profile = anthropic_model_profile(spec.model) or {}
    if profile.get("anthropic_supports_adaptive_thinking"):
        if not spec.effort and not profile.get("thinking_enabled_by_default"):
            return {}
        # else newer models keep what they thought to themselves
        return {"anthropic_thinking": {"type": "adaptive", "display": "summarized"}}
    if not spec.effort:
        return {}
    budget = min(ANTHROPIC_THINKING_BUDGET_MAP[cast(Any, spec.effort)], ANSWER_TOKENS * 3 // 4)
    return {"anthropic_thinking": {"type": "enabled", "budget_tokens": budget}}
