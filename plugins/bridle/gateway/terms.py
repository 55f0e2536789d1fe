"""What a request may ask of its provider: words of the session's own model, and nothing fetched or run there.

The agent's shell has the gateway's token too. A provider would fetch addresses, search the web, run code and
call other models for whoever asks; to a sandbox without network that would be one, and no price covers it. So
a request may have what is known to cost tokens only, and everything else is refused: lists of what is
forbidden would be out of date with the next feature of any provider.
"""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

from bridle.agents.base import Dialect
from bridle.gateway.refused import Refused, objects, require_counts, shown, words
from bridle.gateway.responses_terms import FIELDS, check_responses

CLIENT_TOOLS = ("bash_", "text_editor_", "memory_", "computer_")
"""How the types of Anthropic's tools begin that are run by whoever asks, not by the provider."""


BETAS = words("""
    adaptive-thinking claude-code context-1m context-management effort extended-cache-ttl
    fine-grained-tool-streaming interleaved-thinking mid-conversation-system mid-conversation-tool-changes
    output-128k per-turn-control prompt-caching prompt-caching-scope redact-thinking structured-outputs
    task-budgets thinking-display-updates thinking-token-count token-efficient-tools
""")
"""Values of `anthropic-beta`, without their dates, that change how an answer looks and what is remembered."""

_FIELDS: dict[Dialect, frozenset[str]] = {
    "anthropic-messages": words("""
        cache_control context_management max_tokens messages metadata model output_config output_format
        stop_sequences stream system temperature thinking tool_choice tools top_k top_p
    """),
    "openai-chat": words("""
        chat_template_kwargs enable_thinking frequency_penalty function_call functions include_reasoning
        logit_bias logprobs max_completion_tokens max_tokens messages metadata model n parallel_tool_calls
        presence_penalty prompt_cache_key prompt_cache_retention reasoning reasoning_effort response_format
        safety_identifier seed stop stream stream_options temperature thinking tool_choice tools
        top_logprobs top_p usage user verbosity
    """),
    "openai-responses": FIELDS,
}
_PLAIN_BLOCKS = words("text thinking redacted_thinking tool_use tool_reference tool_removal search_result")
_SOURCES = frozenset({"base64", "text", "content"})
_SOURCE_FIELDS = frozenset({"type", "media_type", "data", "content"})
_PLAIN_PARTS = frozenset({"text", "refusal", "input_audio"})


def read_request(dialect: Dialect, raw: bytes, models: Collection[str]) -> dict[str, Any]:
    """The JSON of a request that may be passed on.

    Args:
        dialect: its wire dialect.
        raw: its body.
        models: those it may name.

    Raises:
        Refused: it is no JSON object, asks for another model, or for more than a model's words.
    """
    try:
        body = json.loads(raw.decode(), object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError) as error:  # thousands of brackets
        raise Refused(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused("the body is no JSON object")
    model = body.get("model")
    if not isinstance(model, str) or model not in models:
        raise Refused(
            f"this session's model is {' or '.join(sorted(models))}, not {shown(model)}; a role names its "
            "model in full in roles.yaml, as the provider does"
        )
    for field in body:
        if field not in _FIELDS[dialect]:
            raise Refused(f"the field {shown(field)} is not passed on")
    _CHECKS[dialect](body)
    return body


def known_betas(values: Iterable[str]) -> str:
    """What is passed on of the `anthropic-beta` headers of a request; empty: nothing is."""
    asked = [value.strip() for header in values for value in header.split(",")]
    return ",".join(value for value in asked if value.rstrip("0123456789-") in BETAS)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):  # the provider may read the one that was not looked at
        raise ValueError("a name is given twice")
    return made


def _anthropic(body: dict[str, Any]) -> None:
    require_counts(body, "max_tokens")
    for tool in objects(body.get("tools"), "tools"):
        _anthropic_tool(tool)
    management = body.get("context_management")
    for edit in objects(management.get("edits") if isinstance(management, dict) else management, "edits"):
        if not str(edit.get("type")).startswith("clear_"):  # others are written by a model, off the books
            raise Refused(f"context management by {shown(edit.get('type'))} is not on offer")
    _blocks(body.get("system"))
    for message in objects(body.get("messages"), "messages"):
        _blocks(message.get("content"))


def _anthropic_tool(tool: dict[str, Any]) -> None:
    kind = tool.get("type") or "custom"
    if kind != "custom" and not str(kind).startswith(CLIENT_TOOLS):
        raise Refused(f"a tool of type {shown(kind)} is run by the provider")


def _blocks(content: object) -> None:
    if isinstance(content, str):
        return
    for block in objects(content, "content"):
        match block.get("type"):
            case "tool_result":
                _blocks(block.get("content"))
            case "image" | "document":
                _source(block.get("source"))
            case "tool_addition":
                tool = block.get("tool")
                definition = tool.get("definition") if isinstance(tool, dict) else None
                if isinstance(definition, dict):
                    _anthropic_tool(definition)
            case kind if str(kind) not in _PLAIN_BLOCKS:
                raise Refused(f"content of type {shown(kind)} is not passed on")


def _source(source: Any) -> None:
    known = isinstance(source, dict) and not source.keys() - _SOURCE_FIELDS
    if not known or str(source.get("type")) not in _SOURCES:
        raise Refused(f"an image or a document comes with the request, not from {shown(source)}")
    _blocks(source.get("content"))


def _openai(body: dict[str, Any]) -> None:
    require_counts(body, "max_tokens", "max_completion_tokens", "n")
    for tool in objects(body.get("tools"), "tools"):
        if tool.get("type") not in ("function", "custom"):
            raise Refused(f"a tool of type {shown(tool.get('type'))} is run by the provider")
    for message in objects(body.get("messages"), "messages"):
        content = message.get("content")
        for part in [] if isinstance(content, str) else objects(content, "content"):
            _part(part)


def _part(part: dict[str, Any]) -> None:
    kind = str(part.get("type"))
    if kind in _PLAIN_PARTS:
        return
    held = part.get(kind)
    where = {"image_url": "url", "file": "file_data"}.get(kind)
    if where is None:
        raise Refused(f"content of type {shown(kind)} is not passed on")
    data = held.get(where) if isinstance(held, dict) else held
    if not str(data).startswith("data:") or (isinstance(held, dict) and "file_id" in held):
        raise Refused(f"an image or a file comes with the request, as a data: URL; this {kind} does not")


_CHECKS: dict[Dialect, Callable[[dict[str, Any]], None]] = {
    "anthropic-messages": _anthropic,
    "openai-chat": _openai,
    "openai-responses": check_responses,
}
