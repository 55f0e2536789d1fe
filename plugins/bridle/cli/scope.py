"""What a person means by the name of a budget."""

from pathlib import Path

KINDS = ("run:", "step:", "session:", "day:", "loop:")


def is_scope(name: str) -> bool:
    """Whether a name is a whole scope already, as the ledger has it."""
    return name == "all" or name.startswith(KINDS)


def find_scope(name: str, state: Path) -> str:
    """The scope called `name`: a whole one, `dag/run`, or a run as `bridle runs` shows it.

    Raises:
        InvalidInput: none, or more than one run, is called so.
        StackError: a part of a run's name was given, and there is no Airflow to ask.
    """
    if is_scope(name):
        return name
    from bridle.local.find_airflow import find_airflow, find_run

    with find_airflow(state) as airflow:
        run = find_run(airflow, name)
    return f"run:{run.dag_id}/{run.run_id}"
