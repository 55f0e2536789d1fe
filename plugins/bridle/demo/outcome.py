"""What came out, seen from outside: a fresh checkout, the repository's own check, nobody's word for it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bridle.demo.sample import CHECK, Sample
from bridle.process.child import run
from bridle.process.environment import child_environment
from bridle.process.sandbox import Sandbox
from bridle.process.strength import detect
from bridle.workspace.git import git, text

CHECK_SECONDS = 120.0


@dataclass(frozen=True)
class Verdict:
    """How the check ended on a fresh checkout of one revision."""

    revision: str
    passed: bool
    failed_tests: tuple[str, ...]
    last_line: str
    """The end of what the check printed."""


def check(sample: Sample, revision: str) -> Verdict:
    """Check `revision` out into a folder of its own and run the repository's check there.

    Raises:
        RepositoryError: there is no such revision.
    """
    with tempfile.TemporaryDirectory(prefix="bridle-demo-") as folder:
        place = Path(folder)
        place.chmod(0o711)
        tree, home, index = place / "tree", place / "home", place / "index"
        tree.mkdir()
        paths = ("checkout", "--quiet", "--force", revision, "--", ".")
        git(*paths, git_dir=sample.remote, work_tree=tree, index=index)
        strength = detect()
        # the code is an agent's work: it gets what every check gets
        sandbox = Sandbox(strength.choose(), writable=(tree, home), user=strength.user)
        env = child_environment(home)
        command = ["/bin/sh", "-c", CHECK]
        done = run(command, cwd=tree, env=env, sandbox=sandbox, timeout_seconds=CHECK_SECONDS)
    lines = done.tail.strip().splitlines()
    return Verdict(
        revision=revision,
        passed=done.ended == "exit" and done.exit_code == 0,
        failed_tests=tuple(line.split()[1] for line in lines if line.startswith(("FAIL: ", "ERROR: "))),
        last_line=lines[-1] if lines else f"no output, exit code {done.exit_code}",
    )


def diff(sample: Sample, branch: str) -> str:
    """What the branch changes, as a unified diff."""
    return text(git("diff", "--no-ext-diff", f"main...{branch}", git_dir=sample.remote))


def branches(sample: Sample) -> list[str]:
    """Every branch of the remote besides `main`."""
    names = git("for-each-ref", "--format=%(refname:short)", "refs/heads", git_dir=sample.remote).decode()
    return [name for name in names.splitlines() if name != "main"]
