"""Why a call may not be made, in words: which stop or cap, how much is left, and how to go on."""

from decimal import Decimal

from bridle.errors import BudgetSpent, StopRequested


def stop_of(scope: str, by: str) -> StopRequested:
    """The exception for a stop flag."""
    lift = {"all": "bridle resume --all", "run": f"bridle resume '{scope.partition(':')[2]}'"}
    command = lift.get(scope.partition(":")[0], f"bridle resume '{scope}'")
    return StopRequested(f"{by} asked {scope} to stop; `{command}` lifts it, then clear the task to go on")


def spent(scope: str, *, cap: str, left: str, wanted: str, by: str | None) -> BudgetSpent:
    """The exception for a cap that a call does not fit under.

    Args:
        scope: whose cap.
        cap: with its unit, as the other amounts.
        left: of it.
        wanted: by the call.
        by: who set it.
    """
    return BudgetSpent(
        f"the budget of {scope} is spent: of {cap} {left} are left and the next call may take {wanted}. "
        f"To go on, {_remedy(scope, by or '')}",
        scope=scope,
    )


def unpriced(scope: str, cap: Decimal, model: str) -> BudgetSpent:
    """The exception for a cap in dollars alone before a model whose price is unknown."""
    return BudgetSpent(
        f"{scope} is capped at ${cap:.4f}, but nobody knows what {model} costs; cap its tokens too, or give "
        "its price in the provider's connection",
        scope=scope,
    )


def _remedy(scope: str, by: str) -> str:
    raising = f"`bridle budget '{scope}' --usd N` or `--tokens N`"
    match scope.partition(":")[0]:
        case "session":
            return "clear the task: its next session has a budget of its own (the role's, in roles.yaml)"
        case "step" if not by.startswith("human:"):  # a person's cap stays, whatever begins later
            return f"clear the task: it is allowed as much again (`budgets` in roles.yaml); or {raising}"
        case "day":
            return f"wait for the next day (UTC) or raise it ({raising}), and clear the task"
        case _:
            return f"raise it ({raising}) and clear the task"
