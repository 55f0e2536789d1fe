"""One session, from its row in the ledger to the commit of its work."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ValidationError

from bridle.agents.base import (
    Access,
    Dialect,
    Event,
    EventKind,
    Limits,
    Outcome,
    Resume,
    SessionResult,
    SessionSpec,
)
from bridle.agents.launch import launch
from bridle.config.prompts import Prompt
from bridle.config.roles import Role
from bridle.errors import (
    BridleError,
    FenceLost,
    Halted,
    InvalidInput,
    LedgerUnavailable,
    PolicyViolation,
    ProviderDown,
    SessionFailed,
)
from bridle.gateway.budget import LedgerMeter
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place
from bridle.harness.bench import Bench, chosen_isolation
from bridle.harness.desk import Desk
from bridle.harness.ending import error_of, outcome_of
from bridle.harness.insistence import watch_refusals
from bridle.harness.periodic import Periodic
from bridle.harness.recorder import Recorder
from bridle.harness.route import Route, route_for
from bridle.harness.tape import tape_for
from bridle.ledger.records import SessionRow, SessionStart
from bridle.process.remember import forget
from bridle.telemetry.foreign import foreign_spans
from bridle.workspace.room import room_told

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
"""Also how long a stop may go unnoticed by a session that waits for its model."""


@dataclass(frozen=True)
class Assignment:
    """What a session is asked to do."""

    role_name: str
    role: Role
    limits: Limits
    access: Access
    prompt: Prompt
    output_type: type[BaseModel] | None = None


@dataclass(frozen=True)
class Report:
    """What a finished session left."""

    session_id: str
    commit: str | None
    """None when it changed nothing."""
    summary: str
    output: dict[str, Any] | None

    @classmethod
    def of(cls, row: SessionRow) -> Self:
        """The report of a session that an earlier attempt finished."""
        return cls(str(row.id), row.commit, row.summary, row.result)


class Session:
    """One session of a step; made for one call of `run`."""

    def __init__(
        self,
        bench: Bench,
        assignment: Assignment,
        *,
        round: int,
        base: str,
        interrupted: SessionRow | None,
        instead_of: tuple[str, str] | None = None,
    ) -> None:
        """
        Args:
            bench: where it works.
            assignment: what it is asked.
            round: of the step, from 1.
            base: commit to start from; empty without a repository.
            interrupted: the session of an earlier attempt to go on from.
            instead_of: the model that went away, and why, when this session goes on with another one.
        """
        self.left: tuple[str, ...] = ()
        """Models of the role's fallback that may still go on when this session's provider went away."""
        self.row: SessionRow | None = None
        """The session as the ledger has it, when its provider went away."""
        self._bench = bench
        self._step = bench.step
        self._ledger = bench.step.ledger
        self._assignment = assignment
        self._round = round
        self._base = base
        self._interrupted = interrupted
        self._instead_of = instead_of

    def run(self) -> Report:
        """Run the session to its end, commit its work, and close its row whatever happens.

        Raises:
            BudgetSpent, StopRequested, FenceLost, SessionFailed, CredentialError, NoRoom: nothing to retry.
            SessionLost, ProviderDown: a retry goes on from the last checkpoint.
        """
        repository = self._bench.repository
        place = Place(
            self._step.attempt.name, self._round, repository=repository.name if repository else None
        )
        priced = self._assignment.limits.cost_usd is not None
        route = route_for(self._step, self._assignment.role, place, priced=priced)
        session_id = self._open(route.dialect)
        recorder = Recorder(self._ledger, session_id)
        try:
            with room_told(), ExitStack() as cleanup:
                return self._work(session_id, route, recorder, cleanup)
        except BaseException as error:
            outcome = outcome_of(error) if isinstance(error, BridleError) else Outcome.LOST
            if outcome is Outcome.LOST:
                forget(self._step.settings.home)  # perhaps its sandbox could not be made any more
            try:
                self._close(session_id, recorder, outcome, reason=str(error) or type(error).__name__)
            except (FenceLost, LedgerUnavailable) as unclosed:
                # the next try, or the sweeper, closes it as lost
                log.warning("session %s could not be closed as %s: %s", session_id, outcome, unclosed)
            if self.left and isinstance(error, ProviderDown):
                self.row = self._ledger.session(session_id)
            raise

    def _work(self, session_id: UUID, route: Route, recorder: Recorder, cleanup: ExitStack) -> Report:
        step = self._step
        desk = Desk.lay(self._bench, str(session_id), base=self._base, start=self._checkpoint_before())
        cleanup.callback(desk.close)
        if self._instead_of is not None:
            model, why = self._instead_of
            switch = {"model": model, "next": self._assignment.role.model, "reason": why}
            recorder.event(Event(kind=EventKind.FALLBACK, payload=switch))
        own, *fallback = (upstream.working_in(desk.tree) for upstream in route.upstreams)
        meter = LedgerMeter(
            self._ledger,
            session_id=session_id,
            fence=step.fence,
            scopes=step.scopes,
            on_warning=recorder.warn,
        )
        gateway = cleanup.enter_context(
            Gateway(
                upstream=own,
                meter=meter,
                fallback=fallback,
                slots=step.settings.home / "slots",
                tape=tape_for(step, desk, round=self._round),
                on_event=lambda event: self._told(session_id, recorder, event),
                socket_path=desk.socket,
                turns=self._assignment.limits.turns,
                on_spans=foreign_spans(step.trace, session_id, self._assignment.role.agent),
            )
        )
        # the watchers end before the row is closed: to them a closed session is a lost one
        with self._watched(session_id, desk, recorder, gateway) as watchers:
            launched = launch(
                self._spec(session_id, route.dialect, desk, gateway),
                sandbox=desk.sandbox(),
                stop=step.stop,
                on_event=recorder.event,
                on_transcript=recorder.extend_transcript,
                last_traffic=lambda: gateway.last_traffic,
            )
        recorder.result = launched.result
        gateway.stop()  # every call is in the books from here on
        self.left = gateway.left if gateway.ended == "provider" else ()
        error = self._error(session_id, gateway, launched.result, watchers)
        if error is not None:
            self._checkpoint(session_id, desk, recorder)
            raise error
        output = self._validated(launched.result)
        commit, diff = desk.deliver(launched.result.summary, access=self._assignment.access)
        self._close(session_id, recorder, Outcome.DONE, output=output, commit=commit, diff=diff)
        return Report(str(session_id), commit, launched.result.summary, output)

    def _told(self, session_id: UUID, recorder: Recorder, event: Event) -> None:
        """Record what the gateway tells; after a change of the model the session is that model's."""
        recorder.event(event)
        if event.kind is EventKind.FALLBACK:
            provider, _, model = str(event.payload["next"]).partition(":")
            self._ledger.change_model(session_id, provider=provider, model=model)

    def _open(self, dialect: Dialect) -> UUID:
        assignment, role = self._assignment, self._assignment.role
        isolation = chosen_isolation(self._step.settings)
        session_id = self._ledger.open_session(
            SessionStart(
                attempt=self._step.attempt,
                fence=self._step.fence,
                round=self._round,
                role=assignment.role_name,
                agent=role.agent,
                model=role.model_name,
                provider=role.provider,
                dialect=dialect,
                repo=self._bench.repository.name if self._bench.repository else None,
                base_commit=self._base or None,
                isolation=isolation,
                prompt=assignment.prompt.text,
                prompt_digest=assignment.prompt.digest,
                limits=assignment.limits.model_dump(mode="json"),
                resumed_from=self._interrupted.id if self._interrupted else None,
            )
        )
        place = f"session {session_id}, round {self._round}"
        log.info("%s: %s on %s, isolation %s", place, role.agent, role.model, isolation)
        self._inherit(session_id)
        self._step.open_budgets()
        cap = assignment.limits.cost_usd
        self._ledger.set_budget(
            f"session:{session_id}",
            cap_usd=None if cap is None else Decimal(str(cap)),
            cap_tokens=assignment.limits.tokens,
        )
        return session_id

    def _inherit(self, session_id: UUID) -> None:
        """Take over what the interrupted session left: this one may be interrupted just as early."""
        before = self._interrupted
        if before is None:
            return
        if before.checkpoint:
            self._ledger.checkpoint(session_id, before.checkpoint)
        if before.transcript_ref and self._speaks_as(before):
            transcript = self._ledger.get_artifact(before.transcript_ref)
            self._ledger.save_transcript(session_id, transcript, session_ref=before.session_ref)

    def _checkpoint_before(self) -> str | None:
        """The commit whose files to go on with."""
        return self._interrupted.checkpoint if self._interrupted else None

    def _speaks_as(self, before: SessionRow) -> bool:
        """Whether the agent and the model are those that wrote the transcript: others could not read it."""
        role = self._assignment.role
        written_by = (before.agent, before.provider, before.model)
        return written_by == (role.agent, role.provider, role.model_name)

    def _resume(self, desk: Desk) -> Resume | None:
        """The interrupted session's transcript, laid out for the same agent."""
        before = self._interrupted
        if before is None or not before.transcript_ref or not self._speaks_as(before):
            return None
        path = desk.folder / "transcript"
        path.write_bytes(self._ledger.get_artifact(before.transcript_ref))
        return Resume(session_ref=before.session_ref, transcript=path)

    def _spec(self, session_id: UUID, dialect: Dialect, desk: Desk, gateway: Gateway) -> SessionSpec:
        assignment = self._assignment
        output = assignment.output_type
        return SessionSpec(
            session_id=str(session_id),
            agent=assignment.role.agent,
            prompt=assignment.prompt.text,
            workdir=desk.tree,
            home=desk.home,
            access=assignment.access,
            model=assignment.role.model_name,
            dialect=dialect,
            effort=assignment.role.effort,
            reasoning_summary=assignment.role.reasoning_summary,
            tools=assignment.role.tools,
            output_schema=None if output is None else output.model_json_schema(),
            limits=assignment.limits,
            gateway_url=gateway.url,
            gateway_token=gateway.token,
            gateway_socket=desk.socket,
            env=self._bench.repository.env if self._bench.repository else {},
            resume=self._resume(desk),
            traceparent=self._step.trace.traceparent(session_id) if self._step.trace else "",
        )

    @contextmanager
    def _watched(
        self, session_id: UUID, desk: Desk, recorder: Recorder, gateway: Gateway
    ) -> Iterator[tuple[Periodic, ...]]:
        """Beat the lease, watch for stops, and keep the work so far, for as long as the block runs."""
        step = self._step

        def beat() -> None:
            self._ledger.heartbeat(session_id)
            step.verify(f"session:{session_id}")

        def keep() -> None:
            recorder.save_transcript()
            self._checkpoint(session_id, desk, recorder)

        watchers = (
            Periodic("heartbeat", HEARTBEAT_SECONDS, beat, stop=step.stop),
            Periodic("checkpoint", step.settings.checkpoint_seconds, keep, stop=step.stop),
            watch_refusals(gateway, session=str(session_id), stop=step.stop),
        )
        with watchers[0], watchers[1], watchers[2]:
            yield watchers

    def _checkpoint(self, session_id: UUID, desk: Desk, recorder: Recorder) -> None:
        """Commit the work so far for whoever goes on; what cannot be committed now may be later."""
        if desk.clone is None or self._assignment.access != "write":
            return
        try:
            commit = desk.clone.checkpoint()
        except (PolicyViolation, InvalidInput) as error:
            log.warning("no checkpoint: %s", error)
            return
        if commit:
            self._ledger.checkpoint(session_id, commit)
            recorder.event(Event(kind=EventKind.CHECKPOINT, payload={"commit": commit}))

    def _error(
        self, session_id: UUID, gateway: Gateway, result: SessionResult, watchers: tuple[Periodic, ...]
    ) -> BridleError | None:
        """What went wrong, by whoever knows best: a watcher, the ledger, the gateway, the runtime."""
        halted = next((watcher.halted for watcher in watchers if watcher.halted), None)
        try:
            self._step.verify(f"session:{session_id}")
        except Halted as stopped:
            return halted or stopped
        return error_of(result, gateway, session=str(session_id))

    def _validated(self, result: SessionResult) -> dict[str, Any] | None:
        """The structured output, by the user's own type: a JSON schema does not say everything."""
        if self._assignment.output_type is None:
            return result.output
        try:
            return self._assignment.output_type.model_validate(result.output).model_dump(mode="json")
        except ValidationError as error:
            raise SessionFailed(
                f"the answer is no {self._assignment.output_type.__name__}: {error}"
            ) from error

    def _close(
        self,
        session_id: UUID,
        recorder: Recorder,
        outcome: Outcome,
        *,
        reason: str = "",
        output: dict[str, Any] | None = None,
        commit: str | None = None,
        diff: str | None = None,
    ) -> None:
        result = recorder.result
        self._ledger.close_session(
            session_id,
            outcome=outcome,
            reason=reason,
            summary=result.summary if result else "",
            result=output,
            session_ref=result.session_ref if result else recorder.session_ref,
            turns=result.turns if result else 0,
            commit=commit,
            diff=diff,
            reported=result.reported if result else None,
            transcript=bytes(recorder.transcript) or None,
        )
