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
            options = (
                "" if set(question.options) == {"Approve", "Reject"} else f" ({', '.join(question.options)})"
            )
            typer.echo(
                f"{question.id}\n    {question.subject}{options}\n    {airflow.question_url(question)}"
            )
        if not questions:
            say("no run waits for an answer")


def approve(
    question_id: Annotated[
        str | None, typer.Argument(help="Of the question, or a part of it; default: the only open one.")
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Say no; what follows is skipped.")] = False,
    choose: Annotated[
        str | None, typer.Option(help="One of the question's own options, where it is not yes or no.")
    ] = None,
    feedback: Annotated[str, typer.Option(help="For the record, and for whoever goes on.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Approve, or reject, what a run is waiting for."""
    from bridle.local.find_airflow import find_airflow, find_question

    with find_airflow(state) as airflow:
        question = find_question(airflow, question_id)
        airflow.answer(question, choose or ("Reject" if reject else "Approve"), feedback=feedback)
    done = f"Chosen {choose}" if choose else "Rejected" if reject else "Approved"
    typer.echo(f"{done}: {question.id}")
