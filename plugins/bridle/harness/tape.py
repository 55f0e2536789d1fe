"""Recording and replaying a run's model calls: which session has which file."""

from bridle.config.recordings import recording_of
from bridle.gateway.cassette import cassette_path
from bridle.gateway.portable import Portable
from bridle.gateway.recording import Recording
from bridle.gateway.replaying import Replaying
from bridle.gateway.tape import Tape
from bridle.harness.desk import Desk
from bridle.harness.step import Step


def tape_for(step: Step, desk: Desk, *, round: int) -> Tape | None:
    """The tape of a session; None when nothing is recorded or replayed.

    Args:
        step: whose settings say so.
        desk: where the session works; its paths are placeholders in the recording.
        round: of the step; its newest session is the one that is recorded.

    Raises:
        ConfigError: the recording does not have this session.
    """
    settings, redactor = step.settings, step.ledger.redactor
    if settings.gateway_mode not in ("record", "replay"):
        return None
    places = {"{{workdir}}": desk.tree, "{{home}}": desk.home, "{{bridle}}": settings.home}
    portable = Portable(places, redact=redactor.text, known=redactor.known)
    attempt = step.attempt
    sessions = step.ledger.step_state(attempt.step, attempt.generation).sessions
    ordinal = sum(session.round == round for session in sessions)
    folder = settings.required_cassettes
    if settings.gateway_mode == "replay":
        return Replaying(cassette_path(folder, _task(step), round, ordinal), portable)
    run = recording_of(folder, attempt.step.dag_id, attempt.step.run_id)
    return Recording(cassette_path(run, _task(step), round, ordinal), portable)


def _task(step: Step) -> str:
    key = step.attempt.step
    mapped = f".{key.map_index}" if key.map_index >= 0 and not step.attempt.loop_id else ""
    return f"{step.attempt.name}{mapped}"
