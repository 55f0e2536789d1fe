"""A session that is in the middle of something when something else happens."""

from e2e_processes import eventually, processes_of
from e2e_run import SECONDS
from e2e_scenario import Session
from e2e_stage import Stage

from bridle.ledger.records import SessionRow
from bridle.ledger.store import Ledger

# the second time round it is past
LONG = "test -e slept || { touch slept; sleep 300; }"


def long_session() -> Session:
    """Edits, and then runs a command that somebody loses patience with."""
    return [
        {"ops": [{"op": "read", "path": "calc.py"}]},
        {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]},
        {"text": "Now something that takes its time.", "ops": [{"op": "shell", "command": LONG}]},
        # twice: a resumed Claude Code counts the call that was interrupted as a turn more
        {"ops": [{"op": "shell", "command": "rm -f slept"}]},
        {"ops": [{"op": "shell", "command": "rm -f slept"}]},
        {"text": "Fixed."},
    ]


def session_in_the_middle(stage: Stage, task_id: str = "fix.implement_1") -> SessionRow:
    """The session of a task of the stage's newest run, once it runs its long command.

    By then its edit is checkpointed, and the transcript that is kept ends with the call of that command.
    """
    run = stage.runs[-1]
    with Ledger(stage.ledger_url) as ledger:

        def found() -> SessionRow | None:
            session = next(iter(run.sessions(task_id)), None)
            if session is None or session.checkpoint is None or not session.transcript_ref:
                return None
            if b"takes its time" not in ledger.get_artifact(session.transcript_ref):
                return None
            commands = (
                " ".join(process.cmdline())
                for process in processes_of(str(session.id))
                if process.is_running()
            )
            return session if any(command == "sleep 300" for command in commands) else None

        return eventually("a checkpoint, a long command, and a transcript that has it", found, SECONDS)
