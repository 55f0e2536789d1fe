"""What a request in OpenAI's Responses dialect may ask for; `terms` says why anything is refused at all.

This dialect can also leave whole conversations with the provider, to be gone on from by their id. What is
remembered there would be in no request, so no bound could be put on a call; and whoever shares the key could
read it. So every request brings all of its conversation, and asks for nothing to be kept.
"""

from typing import Any

from bridle.gateway.refused import Refused, objects, require_counts, shown, words

FIELDS = words("""
    client_metadata include input instructions max_output_tokens metadata model parallel_tool_calls
    prompt_cache_key prompt_cache_retention reasoning safety_identifier store stream stream_options
    temperature text tool_choice tools top_logprobs top_p truncation user
""")
_TOOLS = words("function custom local_shell apply_patch")
"""Run by whoever asks, not by the provider."""
_INCLUDED = words("reasoning.encrypted_content message.output_text.logprobs")
_PLAIN_ITEMS = words("""
    reasoning function_call custom_tool_call local_shell_call local_shell_call_output apply_patch_call
    apply_patch_call_output
""")
_RESULTS = words("function_call_output custom_tool_call_output")
_PLAIN_PARTS = words("input_text output_text refusal summary_text text input_audio")
_HELD_IN = {"input_image": "image_url", "input_file": "file_data"}


def check_responses(body: dict[str, Any]) -> None:
    """Make sure that a request costs tokens only.

    Raises:
        Refused: it does not.
    """
    if body.get("store") is not False:
        raise Refused(
            "the provider would keep the answer, which others with the same key can read: ask with "
            "`store` false"
        )
    require_counts(body, "max_output_tokens")
    for wanted in body.get("include") or ():
        if wanted not in _INCLUDED:
            raise Refused(f"an answer that includes {shown(wanted)} is not on offer")
    _tools(body.get("tools"))
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") not in {*_TOOLS, "allowed_tools"}:
        raise Refused(f"a tool of type {shown(choice.get('type'))} is run by the provider")
    if not isinstance(body.get("input"), str):
        for item in objects(body.get("input"), "input"):
            _item(item)


def _tools(tools: object) -> None:
    for tool in objects(tools, "tools"):
        if tool.get("type") == "namespace":
            _tools(tool.get("tools"))
        elif str(tool.get("type")) not in _TOOLS:
            raise Refused(f"a tool of type {shown(tool.get('type'))} is run by the provider")


def _item(item: dict[str, Any]) -> None:
    kind = str(item.get("type", "message"))
    if kind == "message":
        _content(item.get("content"))
    elif kind in _RESULTS:
        _content(item.get("output"))
    elif kind == "additional_tools":
        _tools(item.get("tools"))
    elif kind not in _PLAIN_ITEMS:  # an `item_reference` names what the provider keeps
        raise Refused(f"input of type {shown(kind)} is not passed on")


def _content(content: object) -> None:
    if isinstance(content, str):
        return
    for part in objects(content, "content"):
        kind = str(part.get("type"))
        if kind in _PLAIN_PARTS:
            continue
        held = _HELD_IN.get(kind)
        if held is None:
            raise Refused(f"content of type {shown(kind)} is not passed on")
        elsewhere = {"file_id", "file_url"} & part.keys()
        if elsewhere or not str(part.get(held)).startswith("data:"):
            raise Refused(f"an image or a file comes with the request, as a data: URL; this {kind} does not")
