"""What a session reports while it runs: into the ledger, and as readable lines into the task's log."""

import logging
from dataclasses import asdict
from uuid import UUID

from bridle.agents.base import Event, EventKind, SessionResult
from bridle.agents.render import render
from bridle.ledger.records import BudgetWarning
from bridle.ledger.store import Ledger

log = logging.getLogger("bridle.session")


class Recorder:
    """Takes the events and the transcript of one session."""

    def __init__(self, ledger: Ledger, session_id: UUID) -> None:
        self._ledger = ledger
        self._session_id = session_id
        self.transcript = bytearray()
        """What the agent would need to go on, so far."""
        self.result: SessionResult | None = None
        """What the agent's runtime said at the end."""
        self.session_ref = ""
        """The agent's own id of the session, once it has said it."""
        self._saved = 0

    def event(self, event: Event) -> None:
        """Record one event and say it in the log.

        Raises:
            FenceLost: a newer attempt owns the step.
        """
        self.session_ref = event.payload.get("session_ref") or self.session_ref
        self._ledger.record(self._session_id, [event])
        line = self._ledger.redactor.text(render(event))
        if line:
            log.log(logging.WARNING if event.kind in _LOUD else logging.INFO, "%s", line)

    def warn(self, warning: BudgetWarning) -> None:
        """Record that a budget is nearly spent, and say it in the log.

        Raises:
            FenceLost: a newer attempt owns the step.
        """
        amounts = {name: str(value) for name, value in asdict(warning).items() if value is not None}
        self.event(Event(kind=EventKind.BUDGET, payload={**amounts, "message": str(warning)}))

    def extend_transcript(self, chunk: bytes) -> None:
        """Keep one more piece of the transcript."""
        self.transcript += chunk

    def save_transcript(self) -> None:
        """Write the transcript to the ledger, when there is more of it than last time."""
        transcript = bytes(self.transcript)
        if len(transcript) > self._saved:
            self._ledger.save_transcript(self._session_id, transcript, session_ref=self.session_ref)
            self._saved = len(transcript)


_LOUD = frozenset({EventKind.BUDGET, EventKind.ERROR, EventKind.DENIED})
