"""`done_when`: commands and a rubric that decide whether a goal is reached, run by the harness."""

from pydantic import BaseModel

from bridle.harness.check import run_check
from bridle.harness.failures import fingerprint, read_tests
from bridle.harness.loop import Turn
from bridle.harness.reference import expand
from bridle.harness.session import Assignment
from bridle.harness.work import Work, work
from bridle.models import Citation, Judgement, Point
from bridle.workspace.git import run, text

TAIL = 1_500
"""Characters of a failing check that the next orchestrator may see."""

RUBRIC = "rubric"


class Criterion(BaseModel):
    """One thing that must hold, and whether it does."""

    name: str
    passed: bool
    failing: tuple[str, ...] = ()
    """Tests that fail, where the output names them."""
    passing: tuple[str, ...] = ()
    fingerprint: str = ""
    """Of the output of a failure; the same for failures that are alike."""
    tail: str = ""
    doubt: str = ""
    """Why a person may want to look; empty where there is no doubt."""


def check_criteria(turn: Turn, commit: str) -> list[Criterion]:
    """Run the loop's checks on `commit`.

    Raises:
        RepositoryError: there is no such check, or the commit cannot be had.
        StopRequested: the step was stopped meanwhile.
    """
    return [_check(turn, name, commit) for name in turn.terms.checks(turn.repository)]


def judge(turn: Turn, commit: str, *, role: str, prompt: str) -> Criterion:
    """Let a session that may only read judge `commit` by the rubric; a claim without evidence does not hold.

    Raises:
        SessionFailed: no valid answer, twice.
        BudgetSpent: the loop's budget, or the session's limit.
    """
    player = turn.step.role(role)
    seen = {"goal": turn.loop.goal, "rubric": turn.terms.rubric or ""}
    asked = Assignment(
        role_name=role,
        role=player,
        limits=player.limits,
        access="read",
        prompt=turn.step.prompt(prompt, seen),
        output_type=Judgement,
    )
    wanted = Work(assignment=lambda _round, _feedback: asked, repository=turn.repository, base=commit)
    judged = Judgement.model_validate(expand(work(turn.step, wanted).result, turn.step.ledger))
    unproven = [point.demand for point in judged.points if point.holds and not _proven(turn, commit, point)]
    missing = [point.demand for point in judged.points if not point.holds]
    doubt = f"no evidence that exists for: {'; '.join(unproven)}" if unproven else ""
    if judged.verdict == "unsure":
        doubt = doubt or "the judge is not sure"
    return Criterion(
        name=RUBRIC,
        passed=judged.verdict == "holds" and not unproven and not missing,
        failing=tuple(demand[:120] for demand in (*missing, *unproven)),
        passing=tuple(
            point.demand[:120] for point in judged.points if point.holds and point.demand not in unproven
        ),
        tail="\n".join(f"{point.demand}: {point.why}" for point in judged.points if not point.holds)[:TAIL],
        doubt=doubt,
    )


def _check(turn: Turn, name: str, commit: str) -> Criterion:
    verdict = run_check(turn.bench, turn.repository, name, commit=commit, round=turn.round.round)
    ledger = turn.step.ledger
    output = text(ledger.get_artifact(verdict.output_ref)) if verdict.output_ref else verdict.tail
    tests = read_tests(output)
    return Criterion(
        name=verdict.name,
        passed=verdict.passed,
        failing=() if verdict.passed else tests.failing,
        passing=tests.passing,
        fingerprint="" if verdict.passed else fingerprint(output),
        tail="" if verdict.passed else verdict.tail[-TAIL:],
    )


def _proven(turn: Turn, commit: str, point: Point) -> bool:
    return bool(point.evidence) and all(_exists(turn, commit, place) for place in point.evidence)


def _exists(turn: Turn, commit: str, place: Citation) -> bool:
    """Whether the commit has that line."""
    done = run("cat-file", "blob", f"{commit}:{place.path}", git_dir=turn.bench.mirror.path)
    return done.exit_code == 0 and place.line <= len(done.output.splitlines())
