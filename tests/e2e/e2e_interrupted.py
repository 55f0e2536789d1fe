"""A session that is in the middle of something when something else happens."""

import time

from e2e_processes import eventually, processes_of
from e2e_run import SECONDS, Run
from e2e_scenario import Session

from bridle.ledger.records import SessionRow

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


def session_in_the_middle(run: Run) -> SessionRow:
    """The implementing session, once its edit is checkpointed and its long command runs."""

    def found() -> SessionRow | None:
        session = next(iter(run.sessions("fix.implement_1")), None)
        if session is None or session.checkpoint is None:
            return None
        commands = (
            " ".join(process.cmdline()) for process in processes_of(str(session.id)) if process.is_running()
        )
        return session if any(command == "sleep 300" for command in commands) else None

    session = eventually("a checkpoint, and a long command", found, SECONDS)
    # the next checkpoint takes the transcript with the call along
    time.sleep(3)
    return session
