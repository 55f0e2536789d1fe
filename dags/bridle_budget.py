"""Raise or lower what a run, a loop or a day may spend.

A task that a spent budget has stopped names the scope in its log (`the budget of run:… is spent`). Give it
here, with a new cap, and then clear that task: it goes on from its last checkpoint.
"""

from airflow.sdk import DAG, Param

from bridle import SetBudgetOperator

with DAG(
    "bridle_budget",
    schedule=None,
    params={
        "scope": Param(
            "run:",
            type="string",
            title="Scope",
            description="As the log names it: run:dag/run, loop:id, day:2026-01-31, day:2026-01-31/dag, all.",
        ),
        "usd": Param(
            None,
            type=["number", "null"],
            exclusiveMinimum=0,
            title="US dollars",
            description="The new cap in all, spent ones included. Empty: as it is.",
        ),
        "tokens": Param(
            None,
            type=["integer", "null"],
            exclusiveMinimum=0,
            title="Tokens",
            description="Input and output together. Empty: as it is.",
        ),
    },
    tags=["bridle"],
    render_template_as_native_obj=True,
    doc_md=__doc__,
):
    SetBudgetOperator(
        task_id="set_budget",
        scope="{{ params.scope }}",
        usd="{{ params.usd }}",
        tokens="{{ params.tokens }}",
    )
