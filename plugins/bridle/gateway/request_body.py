"""What the provider is sent: the request as it came, but for what keeps the books right and secrets in."""

import json
from typing import Any

from bridle.agents.base import Dialect
from bridle.gateway.estimate import RESPONSES_OUTPUT_TOKENS
from bridle.gateway.hidden_usage import asking, asks_for_usage


def request_body(dialect: Dialect, raw: bytes, body: dict[str, Any]) -> bytes:
    """The body of the provider's request.

    Args:
        dialect: its wire dialect.
        raw: as the agent sent it; passed on when nothing has to be changed.
        body: the same as JSON.
    """
    sent = body if asks_for_usage(dialect, body) else asking(body)
    if dialect == "openai-responses":
        # without a limit of its own an answer may cost more than was reserved for it
        sent = {**sent, "max_output_tokens": sent.get("max_output_tokens") or RESPONSES_OUTPUT_TOKENS}
        # what Codex tells of the host and the repository
        sent.pop("client_metadata", None)
    return raw if sent == body else json.dumps(sent).encode()
