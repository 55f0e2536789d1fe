"""`GET /bridle/api/run/diff`: patches that were kept as text; no git is run here."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends

from bridle.dashboard.books import queries
from bridle.dashboard.rights import OfRun
from bridle.dashboard.shapes.run import Diff, Diffs, FileDiff
from bridle.ledger.records import SessionRow
from bridle.ledger.reviews import DIFF

router = APIRouter()

LONGEST = 400_000
"""Characters of one change that a page shows."""
MOST = 8_000_000
"""Bytes of all changes of a run that a page shows, the first ones first."""
_FILE = re.compile(r"^diff --git ", re.MULTILINE)
_CUT = "… [cut: "


@router.get("/run/diff")
def diffs(run: Annotated[tuple[str, str], Depends(OfRun("GET"))]) -> Diffs:
    """What was changed in one run."""
    shown = next((row for row in queries().reviews(*run) if DIFF in row.snapshot), None)
    rows = [row for row in reversed(queries().sessions(*run, limit=500)) if row.diff_ref]
    refs = [*([shown.snapshot[DIFF]] if shown else []), *(row.diff_ref for row in rows if row.diff_ref)]
    texts = queries().texts(refs, at_most=MOST)
    whole = None
    if shown is not None:
        text = texts.get(shown.snapshot[DIFF])
        whole = diff_of(text, title=shown.subject, commit=shown.commit)
    return Diffs(whole=whole, sessions=[of_session(row, texts) for row in rows])


def of_session(row: SessionRow, texts: Mapping[str, str]) -> Diff:
    """What a session changed.

    Args:
        row: the session.
        texts: of artifacts, by their references.
    """
    step = row.attempt.step
    mapped = f"[{step.map_index}]" if step.map_index >= 0 else ""
    title = f"{step.task_id}{mapped}, round {row.round}"
    if row.diff_ref is None:
        return Diff(title=title, session_id=str(row.id), commit=row.commit, files=[], truncated=False)
    text = texts.get(row.diff_ref)
    return diff_of(text, title=title, commit=row.commit, session_id=str(row.id))


def diff_of(text: str | None, *, title: str, commit: str | None, session_id: str | None = None) -> Diff:
    """A patch file by file; None, for one that retention has removed or that is too much here, has none."""
    if text is None:
        text = _CUT
    return Diff(
        title=title,
        session_id=session_id,
        commit=commit,
        files=files_of(text[:LONGEST]),
        truncated=len(text) > LONGEST or _CUT in text,
    )


def files_of(text: str) -> list[FileDiff]:
    """A unified diff of git, file by file."""
    starts = [found.start() for found in _FILE.finditer(text)]
    parts = [text[begin:end] for begin, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [_file(part) for part in parts]


def _file(part: str) -> FileDiff:
    head, _, body = part.partition("\n@@")
    lines = f"@@{body}".split("\n") if body else []  # a form feed ends no line of a patch
    return FileDiff(
        path=_path(head),
        added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
        patch=part,
    )


def _path(head: str) -> str:
    for start in ("+++ b/", "--- a/", "rename to ", '+++ "b/'):
        for line in head.splitlines():
            if line.startswith(start):
                return line.removeprefix(start).rstrip("\t").rstrip('"')
    first = head.splitlines()[0]
    return first.rpartition(" b/")[2] or first
