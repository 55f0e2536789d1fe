"""What OpenTelemetry's semantic conventions call things, from the package that is installed."""

from enum import Enum
from typing import Any

from opentelemetry.semconv._incubating.attributes import (
    error_attributes,
    gen_ai_attributes,
    http_attributes,
)

from bridle.testing.trace_receiver import ReceivedSpan

OURS = "bridle."
"""How names begin that no convention has."""
REPLACED = {
    "gen_ai.completion",
    "gen_ai.prompt",
    "gen_ai.system",
    "gen_ai.usage.completion_tokens",
    "gen_ai.usage.prompt_tokens",
}
"""Names that are still in the package, and that newer ones stand for."""


def _values(module: Any) -> set[str]:
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


NAMES = (_values(gen_ai_attributes) | _values(error_attributes) | _values(http_attributes)) - REPLACED
_OPERATIONS: type[Enum] = gen_ai_attributes.GenAiOperationNameValues
OPERATIONS = {str(member.value) for member in _OPERATIONS}


def strange_names(spans: list[ReceivedSpan]) -> set[str]:
    """Names of attributes, on spans of Bridle's and their events, that are of no convention and not ours."""
    told = [span.attributes for span in own(spans)]
    told += [attributes for span in own(spans) for _, attributes in span.events]
    return {name for one in told for name in one if name not in NAMES and not name.startswith(OURS)}


def misnamed(spans: list[ReceivedSpan]) -> list[str]:
    """Bridle's spans of an operation of the conventions that are not named after it and its object."""
    objects = {
        "chat": "gen_ai.request.model",
        "invoke_agent": "gen_ai.agent.name",
        "execute_tool": "gen_ai.tool.name",
        "invoke_workflow": "gen_ai.workflow.name",
    }
    found = []
    for span in own(spans):
        operation = span.attributes.get("gen_ai.operation.name")
        if operation is None:
            continue
        wanted = f"{operation} {span.attributes.get(objects.get(operation, ''))}"
        if operation not in OPERATIONS or span.name != wanted:
            found.append(span.name)
    return found


def own(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    """Those that Bridle made, without those of Airflow and of agents."""
    return [span for span in spans if span.scope == "bridle"]
