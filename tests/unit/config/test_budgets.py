"""The section `budgets` of roles.yaml."""

from decimal import Decimal
from pathlib import Path

import pytest

from bridle.config.budgets import Budgets, Cap
from bridle.config.roles import Roles
from bridle.errors import ConfigError

ROLES = "roles:\n  r: {agent: api, model: anthropic:claude-haiku-4-5}\n"


def read(folder: Path, budgets: str) -> Budgets:
    path = folder / "roles.yaml"
    path.write_text(f"{ROLES}budgets:\n{budgets}")
    return Roles.read(path).budgets


def test_a_dag_has_its_own_caps_and_else_everybodys_but_the_day_of_all_is_not_its_own(tmp_path: Path) -> None:
    budgets = read(
        tmp_path,
        "  day: {usd: 50}\n  run: {usd: 5, tokens: 1000}\n  step: {usd: 2}\n"
        "  dags:\n    issue_fix: {day: {usd: 20}, run: {tokens: 7}}\n",
    )
    own, other = budgets.of("issue_fix"), budgets.of("goal_loop")
    assert own.day == Cap(usd=Decimal(20))
    assert (own.run, own.step, own.loop) == (Cap(tokens=7), Cap(usd=Decimal(2)), None)
    assert (other.day, other.run) == (None, Cap(usd=Decimal(5), tokens=1000))
    assert budgets.day == Cap(usd=Decimal(50))


@pytest.mark.parametrize(
    ("wrong", "line", "said"),
    [
        ("  day: {usd: -1}\n", 4, "greater than 0"),
        ("  day: {}\n", 4, "a cap needs usd, tokens, or both"),
        ("  run: {usd: 1}\n  week: {usd: 1}\n", 5, "week"),
        ("  dags:\n    issue_fix:\n      run: {dollars: 1}\n", 6, "dollars"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, wrong: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as told:
        read(tmp_path, wrong)
    assert f"roles.yaml:{line}" in str(told.value)
