"""Where one scenario is played: a user's repository with the forge beside it, and the way to Airflow."""

import json
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from e2e_run import SECONDS, Run
from e2e_scenario import CHECK, Scenario

from bridle.demo.books import Count
from bridle.forge.document import Document
from bridle.ledger.queries import Queries
from bridle.local.rest import AirflowClient
from bridle.local.stack import StackInfo
from bridle.testing.git_repository import GitRepository, plain_git
from bridle.workspace.fingerprint import fingerprint

MAY_GROW = (".git/objects/", ".git/refs/heads/bridle", ".git/logs/refs/heads/bridle")


class Stage:
    """One scenario's own part of the world."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.repository = GitRepository(folder / "repository", scenario.files)
        self.main = self.tip("main")
        self.notes: dict[str, object] = {}
        """What the plot wants the tests to know."""
        self.runs: list[Run] = []
        (folder / "issues").mkdir()
        head = {"title": "add subtracts", "author": "ada", "association": "OWNER", **scenario.issue}
        body = "`add(2, 2)` is 0.\n\n<!-- the moon is made of cheese -->"
        Document(head, body).write(folder / "issues" / "1.md")
        self.before = fingerprint(self.repository.path)

    @property
    def entry(self) -> dict[str, object]:
        """Its part of repositories.yaml."""
        return {
            "forge": "local",
            "url": self.repository.path.as_uri(),
            "issues": str(self.folder / "issues"),
            "checks": {"tests": CHECK},
            **self.scenario.settings,
        }

    def enter(self, info: StackInfo) -> None:
        """Get to know Airflow and the ledger."""
        self.home = info.state / "work"
        self.airflow = AirflowClient(info.url, token=info.token)
        self.ledger_url = info.ledger_url
        self.ledger = Queries(info.ledger_url)

    def leave(self) -> None:
        """Let go of them."""
        self.airflow.close()
        self.ledger.close()

    def start(self, dag_id: str = "issue_fix", **conf: object) -> Run:
        """Start a run for issue 1 of this scenario's repository."""
        wanted = {"repo": self.scenario.name, "issue": 1, **conf}
        run_id = f"{self.scenario.name}-{len(self.runs) + 1}"
        run = Run(self.airflow, self.ledger, self.airflow.trigger(dag_id, wanted, run_id=run_id))
        self.runs.append(run)
        return run

    def bridle(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The command, as a user calls it."""
        command = [str(Path(sys.executable).with_name("bridle")), *words, "--state", str(self.home.parent)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)

    @property
    def run(self) -> Run:
        """Its only run."""
        (run,) = self.runs
        return run

    def tip(self, branch: str) -> str:
        """The newest commit of a branch."""
        return self.repository.git("rev-parse", branch).strip()

    def branches(self) -> list[str]:
        """Every branch of the user's repository besides `main`."""
        names = self.repository.git("for-each-ref", "--format=%(refname:short)", "refs").split()
        return [name for name in names if name != "main"]

    def show(self, revision: str, path: str) -> str:
        """A file at a revision of the user's repository."""
        return self.repository.git("show", f"{revision}:{path}")

    def pulls(self) -> list[Document]:
        """Every pull request."""
        return [Document.read(path) for path in sorted((self.folder / "pulls").glob("*.md"))]

    def comments(self) -> list[str]:
        """What was said about issue 1."""
        paths = (self.folder / "issues" / "1").glob("*.md")
        return [Document.read(path).body for path in paths if path.stem != "labels"]

    def labels(self) -> list[str]:
        """The labels that issue 1 was given."""
        path = self.folder / "issues" / "1" / "labels.md"
        return Document.read(path).head["labels"] if path.exists() else []

    def changes(self) -> list[str]:
        """What is different in the user's checkout, apart from new branches of Bridle's."""
        return fingerprint(self.repository.path).changes_since(self.before, may_grow=MAY_GROW)

    def nothing_published(self) -> bool:
        """Whether the forge is as it was."""
        return not (self.branches() or self.pulls() or self.comments() or self.labels() or self.changes())

    def check_passes(self, revision: str) -> bool:
        """Whether the repository's own check passes on a fresh checkout."""
        place = self.folder / f"checkout-{revision.replace('/', '-')}"
        plain_git(
            self.folder, "clone", "--quiet", "--branch", revision, str(self.repository.path), str(place)
        )
        return subprocess.run(CHECK, shell=True, cwd=place, capture_output=True, check=False).returncode == 0

    def journal_of(self, session_id: str) -> list[dict]:
        """What the scripted model was asked in one session."""
        return [line for line in self._lines if session_id in line["headers"].get("x-bridle-workdir", "")]

    @cached_property
    def _lines(self) -> list[dict]:
        return [json.loads(line) for line in (self.home / "script.journal.jsonl").read_text().splitlines()]

    @cached_property
    def journal(self) -> list[dict]:
        """What the scripted model was asked for this repository, and how it answered."""
        lines = self._lines
        mine = f"@{self.scenario.name}/"
        return [
            line for line in lines if mine in line["headers"].get("x-bridle-script", "").replace("%40", "@")
        ]

    def counted(self) -> dict[str, Count]:
        """Task to what the scripted model counted."""
        counts: dict[str, Count] = {}
        for line in self.journal:
            if usage := line["usage"]:
                more = Count(1, usage["input_tokens"], usage["output_tokens"])
                counts[line["task"]] = counts.get(line["task"], Count()) + more
        return counts
