"""`bridle doctor`."""

import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bridle.cli.console import show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State

if TYPE_CHECKING:
    from rich.console import Console

    from bridle.doctor.examination import Group

MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]", "unseen": "[dim]  ? [/]"}


def doctor(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Look at everything that runs depend on, and say what to do; exit code 1 when runs would fail.

    Looks with the eyes of the stack in `--state` when that is up, else of the Airflow that this environment
    configures. Changes nothing and spends nothing.
    """
    from rich.console import Console

    from bridle.doctor.examination import examine
    from bridle.doctor.patient import patient_in

    console = Console(highlight=False)
    groups: list[Group] = []
    # what Airflow has to complain about goes to its standard output
    aside = redirect_stdout(sys.stderr) if as_json else nullcontext()
    with aside, patient_in(state) as patient:
        if not as_json:
            console.print(f"Looking at {patient}", soft_wrap=True)
        for group in examine(patient):
            groups.append(group)
            if not as_json:
                _tell(console, group)
    found = [finding for group in groups for finding in group.findings]
    count = {verdict: sum(finding.verdict == verdict for finding in found) for verdict in MARKS}
    if as_json:
        show(
            {
                "patient": str(patient),
                "counts": count,
                "groups": [asdict(group) for group in groups],
            }
        )
    else:
        console.print(
            f"\n{count['ok']} ok, {count['warn']} to see to, {count['fail']} wrong, "
            f"{count['unseen']} that cannot be looked at from here"
        )
    if count["fail"]:
        raise typer.Exit(1)


def _tell(console: "Console", group: "Group") -> None:
    from rich.markup import escape

    if not group.findings:
        return
    console.print(f"\n[bold]{group.name}[/]")
    for finding in group.findings:
        console.print(
            f"  {MARKS[finding.verdict]} {escape(finding.what)}: {escape(finding.said)}", soft_wrap=True
        )
        if finding.remedy:
            console.print(f"       [cyan]do:[/] {escape(finding.remedy)}", soft_wrap=True)
