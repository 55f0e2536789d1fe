"""Views: read like tables, and no part of `metadata`."""

from sqlalchemy import column, table

from bridle.ledger.schema import SCHEMA, budget, effect

budget_in_force = table(
    "budget_in_force",
    *(column(each.name, each.type) for each in budget.c if each.name != "generation"),
    schema=SCHEMA,
)
"""`budget`, where a day without caps of its own has those of every day."""

effect_history = table("effect_history", *(column(each.name, each.type) for each in effect.c), schema=SCHEMA)
"""`effect` and `effect_past`: every outside write, as the run that made it has made it.

Who asks what a run, a step or a time has written asks here; who asks whose an object is, asks `effect`.
"""
