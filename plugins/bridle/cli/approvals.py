"""`bridle approvals`, `bridle approve`."""

from typing import Annotated

import typer

from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State


def approvals(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List what runs are waiting for a human to decide."""
    from bridle.local.find_airflow import find_airflow

    with find_airflow(state) as airflow:
        questions = airflow.questions()
        if as_json:
            show([question.model_dump(mode="json") | {"id": question.id} for question in questions])
            return
        for question in questions:
            typer.echo(f"{question.id}\n    {question.subject}\n    {airflow.question_url(question)}")
        if not questions:
            say("no run waits for an answer")


def approve(
    question_id: Annotated[
        str | None, typer.Argument(help="Of the question, or a part of it; default: the only open one.")
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Say no; what follows is skipped.")] = False,
    feedback: Annotated[str, typer.Option(help="For the record, and for whoever goes on.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Approve, or reject, what a run is waiting for."""
    from bridle.local.find_airflow import find_airflow, find_question

    with find_airflow(state) as airflow:
        question = find_question(airflow, question_id)
        airflow.answer(question, "Reject" if reject else "Approve", feedback=feedback)
    typer.echo(f"{'Rejected' if reject else 'Approved'}: {question.id}")
