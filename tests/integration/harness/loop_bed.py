"""A goal loop without Airflow: every step of a round, one after the other, as the DAG has them."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bridle.agents.base import Limits
from bridle.config.repositories import Repository
from bridle.config.settings import Settings
from bridle.errors import BridleError, GoalMissed
from bridle.harness.approval import ask, pass_by_policy, record_answer
from bridle.harness.bench import Bench
from bridle.harness.finish import finish
from bridle.harness.integrate import integrate
from bridle.harness.loop import LoopTerms, begin
from bridle.harness.orchestrate import Kwargs, note_the_start, orchestrate
from bridle.harness.round_end import NextRound, end_round, is_to_be_published, judge_round
from bridle.harness.session import Assignment
from bridle.harness.step import Step
from bridle.harness.work import Work, work
from bridle.ledger.ids import new_id
from bridle.ledger.loops import LoopRow, RoundRow
from bridle.ledger.records import Attempt, StepKey
from bridle.ledger.store import Ledger
from bridle.testing.git_repository import GitRepository
from bridle.workspace.files import commit_with

LOOP = "loop-1"
ROLES = """
roles:
  orchestrator: {agent: codex, model: "openai:gpt-5.5", limits: {tokens: 30000, turns: 3}}
  implementer: {agent: codex, model: "openai:gpt-5.5", limits: {turns: 20, minutes: 5}}
  judge: {agent: codex, model: "openai:gpt-5.5", limits: {turns: 20, minutes: 5}}
"""

Session = list[dict[str, Any]]


def orders(*tasks: Mapping[str, Any], done: bool = False, why: str = "Because.") -> Session:
    """What an orchestrator answers."""
    return [{"output": {"done": done, "why": why, "tasks": list(tasks)}}]


def task(title: str, *files: str) -> dict[str, Any]:
    """One task, for `writing` to do."""
    return {
        "title": title,
        "prompt": f"Do {title}.",
        "files": list(files),
        "acceptance": "It is there.",
        "why": "The goal needs it.",
    }


def writing(files: Mapping[str, str]) -> Session:
    """A session that writes files."""
    ops = [{"op": "write", "path": path, "content": content} for path, content in files.items()]
    return [{"text": "I write.", "ops": ops}, {"text": f"Wrote {', '.join(files)}."}]


@dataclass
class LoopBed:
    """Plays rounds; each call of a step is a try of its own, as Airflow would start it."""

    folder: Path
    ledger: Ledger
    user: GitRepository
    script: Mapping[str, list[Session]]
    checks: Mapping[str, str]
    terms: dict[str, Any] = field(default_factory=dict)
    tries: int = 0
    succeeded: set[int] = field(default_factory=set)
    """Workers of the round."""
    asked: list[bool] = field(default_factory=list)
    """Whether each round wanted a human."""

    def __post_init__(self) -> None:
        include = self.folder / "include"
        include.mkdir(exist_ok=True)
        (include / "roles.yaml").write_text(ROLES)
        (self.folder / "script.yaml").write_text(yaml.safe_dump(dict(self.script)))
        entry = {
            "forge": "local",
            "url": self.user.path.as_uri(),
            "issues": str(self.user.path.parent / "issues"),
        }
        entry |= {"checks": dict(self.checks)}
        (self.folder / "repositories.yaml").write_text(
            yaml.safe_dump({"repositories": {"acme/board": entry}})
        )

    @property
    def wanted(self) -> LoopTerms:
        """The loop's terms."""
        return LoopTerms.of(
            {"goal": "Build it.", "repo": "acme/board", "human_review": "never", **self.terms}
        )

    @property
    def loop(self) -> LoopRow:
        """The loop as the ledger has it."""
        return self.ledger.loop(LOOP)

    @property
    def rounds(self) -> list[RoundRow]:
        """Its rounds, without round 0."""
        return [row for row in self.ledger.rounds(LOOP) if row.round > 0]

    @property
    def repository(self) -> Repository:
        """The loop's repository."""
        return self.step("look", 1).repository("acme/board")

    def files(self, commit: str) -> list[str]:
        """The paths of a commit."""
        mirror = Bench(self.step("look", 1), self.repository).mirror
        return mirror.git("ls-tree", "-r", "--name-only", commit).decode().split()

    def step(self, task_id: str, number: int, map_index: int = -1) -> Step:
        """The next try of a step of a round."""
        self.tries += 1
        key = StepKey("goal_loop", f"{LOOP}-r{number}", task_id, map_index)
        attempt = Attempt(key, str(new_id()), self.tries, 2, LOOP, number)
        settings = Settings(
            home=self.folder / "host",
            include_dir=self.folder / "include",
            repositories_file=self.folder / "repositories.yaml",
            ledger_conn_id="",
            gateway_mode="script",
            script=self.folder / "script.yaml",
            isolation="auto",
            allow_unsandboxed=False,
        )
        return Step(attempt, settings, self.ledger, self.ledger.take_step(attempt), stop=threading.Event())

    def play(
        self, *, rounds: int = 50, answer: Callable[[int], tuple[bool, str] | None] = lambda number: None
    ) -> str:
        """Rounds until the loop ends; returns its state.

        Args:
            rounds: give up after so many.
            answer: round to a human's answer and feedback; None: policy passes.
        """
        number: int | None = 1 + len(self.rounds)
        while number is not None and number <= rounds:
            number = self.play_round(number, answer(number))
        return self.loop.state

    def play_round(self, number: int, answer: tuple[bool, str] | None = None) -> int | None:
        """One round; returns the number of the next one."""
        _, workers = orchestrate(
            self.step("orchestrate", number), self.wanted, role="orchestrator", prompt="orchestrate.md"
        )
        return self.play_round_after_orders(number, workers, answer)

    def given(
        self, number: int, files: Mapping[str, str], answer: tuple[bool, str] | None = None
    ) -> int | None:
        """One round whose work is there already, without a session; returns the number of the next one."""
        turn = begin(self.step("orchestrate", number), self.wanted)
        note_the_start(turn)
        mirror, base = turn.bench.mirror, turn.round.base_commit
        head = base
        for path, content in files.items():
            head = commit_with(mirror, head, path, content.encode(), parent=head, message=f"Write {path}")
        turn.bench.workspace.carrier.put(mirror, head, base)
        self.ledger.note_round(
            turn.round,
            decision={"done": False, "why": "It is given."},
            dispatched=[{"title": path} for path in files],
            delivered=[{"title": path, "status": "merged", "why": ""} for path in files],
            head=head,
        )
        return self.end(number, answer)

    def play_round_after_orders(
        self, number: int, workers: list[Kwargs] | None = None, answer: tuple[bool, str] | None = None
    ) -> int | None:
        """The rest of a round."""
        self.work(number, workers or [])
        integrate(
            self.step("integrate", number),
            self.wanted,
            workers="work",
            succeeded=self.succeeded,
            role="implementer",
            prompt="resolve_conflict.md",
        )
        return self.end(number, answer)

    def work(self, number: int, workers: list[Kwargs]) -> None:
        """The mapped workers; one that fails does not stop the others."""
        self.succeeded = set()
        for index, kwargs in enumerate(workers):
            step = self.step("work", number, index)
            wanted = Work(
                assignment=partial(_worker, step, kwargs),
                repository=step.repository("acme/board"),
                base=kwargs["base"],
                check=kwargs["check"],
                must_change=True,
            )
            with suppress(BridleError):  # Airflow marks it as failed; the ledger knows
                work(step, wanted)
                self.succeeded.add(index)

    def end(self, number: int, answer: tuple[bool, str] | None) -> int | None:
        """Criteria, review, and what follows."""
        judged = judge_round(self.step("done_when", number), self.wanted, role="judge", prompt="judge.md")
        self.asked.append(judged.ask)
        gate = self.step("review_round", number)
        if answer is None:
            pass_by_policy(gate, judged.commit, "nobody was asked")
        else:
            ask(gate, subject="Go on?", commit=judged.commit, inputs={})
            approved, feedback = answer
            record_answer(gate, commit=judged.commit, approved=approved, by="ada", feedback=feedback)
        publishing = self.step("open_pull_request", number)
        if is_to_be_published(publishing, self.wanted, review="review_round"):
            finish(publishing, self.wanted, template="goal_pull_request.md")
        following = self.follow(number)
        return None if following is None else int(following.conf["round"])

    def follow(self, number: int) -> NextRound | None:
        """The end of a round."""
        try:
            return end_round(self.step("next_round", number), self.wanted, review="review_round")
        except GoalMissed:
            return None


def _worker(step: Step, kwargs: Kwargs, number: int, feedback: str) -> Assignment:
    seen = {**kwargs["inputs"], "feedback": feedback, "check": kwargs["check"] or "", "round": number}
    prompt = step.prompt("work.md", seen)
    return Assignment("implementer", step.role("implementer"), Limits(turns=20, minutes=5), "write", prompt)
