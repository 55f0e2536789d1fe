"""What a search came to, in words."""

from collections.abc import Sequence

from bridle.harness.bisect import Answer, Stretch
from bridle.harness.history import Waypoint
from bridle.ledger.bisects import BisectRow
from bridle.ledger.records import DecisionRow

_STRETCHES = 8
"""So many are told of, from the end."""


def tell(
    row: BisectRow,
    answer: Answer,
    line: Sequence[Waypoint],
    decision: DecisionRow | None,
    *,
    title: str = "",
) -> str:
    """A few sentences, which say no more than what was seen.

    Args:
        row: the search.
        answer: what it came to.
        line: the commits.
        decision: what dispatched the session that made the first failing commit.
        title: of the task that this session was given, if it was one of several.
    """
    name = f"check {row.check_name!r}" if row.check_name else f"check `{row.command}`"
    ends = {
        "flaky": lambda: _flaky(name, answer, line),
        "good": lambda: f"The {name} passes on the last commit, {line[-1].commit[:10]}: it is not broken.",
        "bad": lambda: (
            f"The {name} fails on {line[0].commit[:10]} already, from which the work started, and on all "
            "others that were checked: no turn was seen. There may be commits in between that pass; "
            "`bridle bisect --further` looks at more of them."
        ),
        "mixed": lambda: f"{_found(answer, line, decision, title)} {_mixed(answer, line)}",
        "found": lambda: _found(answer, line, decision, title),
    }
    count = f"{answer.searched} to search {len(line)} commits, {answer.repeated} to make sure"
    return f"{ends[answer.outcome]()} Checks run: {count}."


def _flaky(name: str, answer: Answer, line: Sequence[Waypoint]) -> str:
    commits = ", ".join(line[position].commit[:10] for position in answer.flaky)
    return (
        f"The {name} is flaky: on {commits} it has passed and failed. So nobody can say which round went "
        "wrong; make it steady, or search with another one."
    )


def _found(answer: Answer, line: Sequence[Waypoint], decision: DecisionRow | None, title: str) -> str:
    if answer.good is None or answer.bad is None:
        return ""
    good, bad = line[answer.good], line[answer.bad]
    if bad.session is None:
        who = f"{bad.kind} {bad.commit[:10]}, made by no session that the ledger knows"
    else:
        step = bad.session.attempt.step
        task = f"{step.task_id}[{step.map_index}]" if step.map_index >= 0 else step.task_id
        given = f" ({title})" if title else ""
        how = "merged the work of" if bad.kind == "merge" else "is of"
        who = f"{bad.kind} {bad.commit[:10]} {how} {task}{given}, session {bad.session.id}"
    where = f"Round {bad.round} went wrong" if bad.round is not None else "It went wrong"
    told = ""
    if decision is not None:
        why = " ".join(decision.why.split())[:200].rstrip(".")
        reason = f": {why}" if why else ""
        told = f" Dispatched by decision {decision.what!r} = {decision.choice!r} ({decision.by}){reason}."
    return f"{where}: {who}. Before it, {good.commit[:10]} passes.{told}"


def _mixed(answer: Answer, line: Sequence[Waypoint]) -> str:
    turn = "This is not the only turn, but the last that was seen"
    turn += ": how it stands now is due to it." if answer.seen[-1].last == len(line) - 1 else "."
    if answer.seen[-1].passed:
        turn = f"But this is mended: {line[answer.seen[-1].last].commit[:10]} passes."
    told = answer.seen[-_STRETCHES:]
    seen = ", ".join(_stretch(each, line) for each in told)
    earlier = "… " if len(told) < len(answer.seen) else ""
    return f"{turn} In order: {earlier}{seen}. There may be more turns between what was checked."


def _stretch(stretch: Stretch, line: Sequence[Waypoint]) -> str:
    first, last = line[stretch.first].commit[:10], line[stretch.last].commit[:10]
    if first == last:
        return f"{first} {'passes' if stretch.passed else 'fails'}"
    return f"{first} to {last} {'pass' if stretch.passed else 'fail'}"
