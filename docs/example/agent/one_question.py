"""An agent without tools that asks its model once: the smallest that there can be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bridle.agents.base import Event, EventKind, Outcome, SessionResult, SessionSpec, Supports
from bridle.agents.ending import api_error


class OneQuestionAgent:
    """One request, one answer."""

    name = "one-question"
    supports = Supports(dialects=("openai-chat",), access=("none",), tools=False, output=False, resume=False)

    def run(self, spec: SessionSpec, on_event: Callable[[Event], None]) -> SessionResult:
        """Run the session to its end, in the child process."""

        def tell(kind: EventKind, **payload: Any) -> None:
            on_event(Event(kind=kind, payload=payload))

        tell(EventKind.STARTED, agent=self.name, version="1", model=spec.model, session_ref=spec.session_id)
        answer = httpx.post(
            f"{spec.gateway_url}/v1/chat/completions",  # the gateway has the key, the books and the limits
            headers={"authorization": f"Bearer {spec.gateway_token}"},
            json={
                "model": spec.model,
                "max_tokens": 4000,
                "messages": [
                    {"role": "system", "content": spec.instructions},
                    {"role": "user", "content": spec.prompt},
                ],
            },
            timeout=300,
        )
        if not answer.is_success:
            return api_error(answer.status_code, answer.text, session_ref=spec.session_id)
        text = answer.json()["choices"][0]["message"]["content"]
        tell(EventKind.TEXT, text=text, turn=1)
        return SessionResult(outcome=Outcome.DONE, summary=text[:500], session_ref=spec.session_id, turns=1)

    def transcript(self, home: Path) -> None:
        """None: there is nothing to go on from."""
