"""Facts as attributes of spans: by OpenTelemetry's names for generative AI, or else as `bridle.*`."""

from collections.abc import Mapping
from typing import Any

from bridle.ledger.records import Attempt, CallRequest, SessionStart, Usage
from bridle.telemetry.watcher import CallEnd

Attributes = dict[str, str | int | float | bool]


def known(values: Mapping[str, Any]) -> Attributes:
    """The values that are known: an attribute that is not there says that nobody knows, and 0 says 0."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def of_step(attempt: Attempt) -> Attributes:
    """Which try of which step."""
    step = attempt.step
    return known(
        {
            "bridle.dag": step.dag_id,
            "bridle.run": step.run_id,
            "bridle.step": step.task_id,
            "bridle.map_index": step.map_index if step.map_index >= 0 else None,
            "bridle.try": attempt.try_number,
            "bridle.generation": attempt.generation,
            "bridle.loop": attempt.loop_id,
            "bridle.loop_round": attempt.loop_round,
        }
    )


def of_session(session_id: str, start: SessionStart) -> Attributes:
    """What is known of a session when it begins."""
    return known(
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": start.role,
            "gen_ai.provider.name": start.provider,
            "gen_ai.request.model": start.model,
            "bridle.session_id": session_id,
            "bridle.run": start.attempt.step.run_id,
            "bridle.step": start.attempt.step.task_id,
            "bridle.role": start.role,
            "bridle.agent": start.agent,
            "bridle.round": start.round,
            "bridle.repository": start.repo,
            "bridle.base_commit": start.base_commit,
            "bridle.isolation": start.isolation,
            "bridle.resumed_from": start.resumed_from and str(start.resumed_from),
        }
    )


def of_request(call_id: str, request: CallRequest) -> Attributes:
    """What is known of a model call before it is made."""
    return known(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": request.provider,
            "gen_ai.request.model": request.model,
            "bridle.call_id": call_id,
            "bridle.session_id": str(request.session_id),
            "bridle.dialect": request.dialect,
            "bridle.request_bytes": request.request_bytes,
        }
    )


def of_answer(end: CallEnd) -> Attributes:
    """What a model call came to."""
    return known(
        {
            "gen_ai.response.model": end.answered_model,
            **({} if end.usage is None else of_usage(end.usage)),
            "http.response.status_code": end.http_status,
            "bridle.status": end.status,
            "bridle.cost_usd": None if end.price.amount is None else float(end.price.amount),
            "bridle.price_source": end.price.source,
            "bridle.first_byte_ms": end.first_byte_ms,
        }
    )


def of_usage(usage: Usage) -> Attributes:
    """Tokens; those read from and written to a cache are part of the input."""
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
