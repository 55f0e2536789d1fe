"""What the next orchestrator is told of the last round: facts out of the ledger, of bounded size."""

from bridle.ledger.loops import RoundRow

DIGEST_BYTES = 800
FAILURES_BYTES = 1_000
FEEDBACK_BYTES = 500
_LINE = 160


def digest(last: RoundRow | None) -> str:
    """What became of the last round's tasks.

    Args:
        last: the round; None or round 0: nothing was done yet.
    """
    if last is None or last.round == 0:
        return "This is the first round."
    lines = [f"Round {last.round}: {_short(str(last.decision.get('why', '')))}"]
    lines += [
        _short(f"- {item['title']}: {item['status']}" + (f", {item['why']}" if item["why"] else ""))
        for item in last.delivered
    ]
    lines += [_short(f"- {title}: not begun ({why})") for title, why in last.decision.get("postponed", [])]
    return cut("\n".join(lines), DIGEST_BYTES)


def failures(row: RoundRow | None) -> str:
    """The criteria that do not hold, with the tests that fail and the end of the output."""
    failing = [check for check in (row.checks if row else []) if not check["passed"]]
    if not failing:
        return "none known"
    share = FAILURES_BYTES // len(failing)
    return "\n".join(_failure(check, share) for check in failing)


def cut(text: str, size: int) -> str:
    """The beginning of `text`, at most `size` bytes."""
    raw = text.encode()
    return text if len(raw) <= size else raw[: size - 3].decode("utf-8", "ignore") + "…"


def _failure(check: dict[str, object], share: int) -> str:
    names = check.get("failing")
    head = f"{check['name']}: "
    if isinstance(names, list) and names:
        return cut(head + f"{len(names)} failing: " + "; ".join(map(str, names)), share)
    tail = str(check.get("tail", "")).strip()
    room = max(0, share - len(head.encode()) - 3)
    return head + (
        tail if len(tail.encode()) <= room else "…" + tail.encode()[-room:].decode("utf-8", "ignore")
    )


def _short(text: str) -> str:
    return cut(" ".join(text.split()), _LINE)
