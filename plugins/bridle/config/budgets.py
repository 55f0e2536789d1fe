"""What may be spent: the section `budgets` of roles.yaml."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Cap(BaseModel):
    """The most that may be spent, in dollars, in tokens, or in both; what is reached first counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Decimal | None = Field(default=None, gt=0)
    """US dollars."""
    tokens: int | None = Field(default=None, gt=0)
    """Input and output together, cache included."""

    @model_validator(mode="after")
    def _says_something(self) -> "Cap":
        if self.usd is None and self.tokens is None:
            raise ValueError("a cap needs usd, tokens, or both; leave it out where there is none")
        return self


class DagBudgets(BaseModel):
    """What one DAG may spend."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: Cap | None = None
    """In a day (UTC)."""
    run: Cap | None = None
    """In one run, unless its parameters say otherwise."""
    step: Cap | None = None
    """In one task, across its retries; clearing it allows as much again."""
    loop: Cap | None = None
    """In one loop, all its runs together."""


class Budgets(DagBudgets):
    """What all DAGs may spend: `day` is for all of them together, the others are for each that names none."""

    dags: dict[str, DagBudgets] = Field(default_factory=dict)
    """Of single DAGs, by their id."""

    def of(self, dag_id: str) -> DagBudgets:
        """What `dag_id` may spend: its own caps, and for a run, a step and a loop else everybody's."""
        own = self.dags.get(dag_id, DagBudgets())
        return DagBudgets(
            day=own.day, run=own.run or self.run, step=own.step or self.step, loop=own.loop or self.loop
        )
