"""A check: a command that the user chose, run by the harness on a commit, outside any session."""

import logging
import re
import shlex
import subprocess
import uuid
from dataclasses import dataclass
from typing import Self

from bridle.config.repositories import Repository
from bridle.errors import RepositoryError
from bridle.harness.bench import Bench
from bridle.ledger.records import CheckRow
from bridle.process.child import run
from bridle.process.environment import child_environment, program_path
from bridle.workspace.room import is_full, no_room, out_of_room, telling

log = logging.getLogger(__name__)

_PLAIN = re.compile(r"[\w./+@:-]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Verdict:
    """What a check came to."""

    name: str
    passed: bool
    seconds: float
    tail: str
    """The end of its output."""
    output_ref: str | None = None
    """Artifact with all of it; None when it said nothing."""
    exit_code: int | None = None
    """None when its time was up; negative when somebody killed its supervisor."""
    id: uuid.UUID | None = None
    """Its row in the ledger."""

    @classmethod
    def of(cls, row: CheckRow) -> Self:
        """The verdict that the ledger has on record."""
        return cls(row.name, row.exit_code == 0, row.seconds, row.tail, row.artifact, row.exit_code, row.id)


def run_check(
    bench: Bench,
    repository: Repository,
    name: str,
    *,
    commit: str,
    round: int = 1,
    session_id: str | None = None,
) -> Verdict:
    """Run the check called `name` on `commit`, in a fresh clone that no agent has touched.

    The code under test was written by an agent: the command gets the supervisor, an environment of its own
    and the sandbox, as a session does.

    Args:
        bench: where.
        repository: has the command.
        name: of the check; empty: the repository's first.
        commit: what to check.
        round: of the step.
        session_id: the session whose work it judges.

    Raises:
        RepositoryError: there is no such check, its program is not on this host, or the commit cannot be had.
        StopRequested: the step was stopped meanwhile.
        NoRoom: the check failed because this host's disk is full.
    """
    step = bench.step
    name = name or repository.default_check
    command = repository.check_command(name)
    require_command(repository, name)
    commit = bench.resolve(commit)
    with bench.workspace.open(repository, commit, f"check-{uuid.uuid4()}") as clone:
        home = clone.folder / "home"
        done = run(
            ["/bin/sh", "-c", command],
            cwd=clone.path,
            env=child_environment(home, repository.env),
            timeout_seconds=repository.check_minutes * 60,
            sandbox=bench.sandbox(writable=(clone.path, home), readable=clone.readable),
            stop=step.stop,
        )
        if done.exit_code and no_room(done.tail) and is_full(clone.path):
            # another round would pay a model for what no change of the code can mend
            raise out_of_room(f"check {name}: {telling(done.tail)}")
    step.verify()
    tail = step.ledger.redactor.text(done.tail)
    if done.ended == "timeout":
        tail = f"{tail}\n[ended by the harness after {repository.check_minutes:g} minutes]"
    exit_code = done.exit_code if done.ended == "exit" else None
    output = step.ledger.put_artifact(done.output, "text/plain", f"check {name}") if done.output else None
    check_id = step.ledger.record_check(
        step.attempt,
        None if session_id is None else uuid.UUID(session_id),
        round=round,
        name=name,
        command=command,
        commit=commit,
        exit_code=exit_code,
        seconds=done.seconds,
        tail=tail,
        artifact=output,
        timed_out=done.ended == "timeout",
    )
    verdict = Verdict(name, exit_code == 0, done.seconds, tail, output, exit_code, check_id)
    log.info("check %s %s in %.1f s", name, "passed" if verdict.passed else "failed", done.seconds)
    return verdict


def require_command(repository: Repository, name: str) -> None:
    """Make sure that the check called `name` begins with a program that there is, before anything is spent.

    A path into the clone is not looked at: an agent may be about to make it.

    Raises:
        RepositoryError: there is no such check, or its program is not on this host.
    """
    name = name or repository.default_check
    command = repository.check_command(name)
    try:
        words = shlex.split(command, comments=True)
    except ValueError as error:
        raise RepositoryError(
            f"repository {repository.name}: check {name!r}, `{command}`, is no shell command: {error}; "
            "correct it in repositories.yaml"
        ) from error
    program = next((word for word in words if not _ASSIGNMENT.match(word)), "")
    in_the_clone = "/" in program and not program.startswith("/")
    if not program or in_the_clone or not _PLAIN.fullmatch(program):
        return  # more of a shell than can be foreseen
    path = repository.env.get("PATH") or program_path()
    found = subprocess.run(
        ["/bin/sh", "-c", 'command -v -- "$1"', "sh", program],
        env={"PATH": path},
        capture_output=True,
        check=False,
    )
    if found.returncode != 0:
        raise RepositoryError(
            f"repository {repository.name}: check {name!r}, `{command}`: there is no program {program!r} on "
            "this host; install it where PATH leads, or correct the check in repositories.yaml"
        )
