"""What roles.yaml and a run's parameters allow is in the ledger before a step's first call."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from harness_bench import Bed

from bridle.ledger.records import Cap

Make = Callable[..., Bed]
ROLES = """
roles:
  r: {agent: api, model: anthropic:claude-haiku-4-5}
budgets:
  day: {usd: 50}
  run: {usd: 5}
  step: {tokens: 1000}
  loop: {usd: 20}
  dags:
    dag: {day: {usd: 9}}
"""


@pytest.mark.parametrize(
    ("given", "run"),
    [(Cap(), (Decimal(5), None, "roles.yaml")), (Cap(tokens=7), (None, 7, "params"))],
    ids=["file", "params"],
)
def test_every_scope_has_its_cap(
    bed: Make, tmp_path: Path, given: Cap, run: tuple[Decimal | None, int | None, str]
) -> None:
    here = bed({"implement": []})
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "roles.yaml").write_text(ROLES)
    step = here.step()
    attempt = replace(step.attempt, loop_id="l", loop_round=1)
    replace(step, attempt=attempt, beside=tmp_path, run_cap=given).open_budgets()
    rows = {name: here.ledger.budget(name) for name in ("day:*", "day:*/dag", "loop:l")}
    assert {name: row and row.cap_usd for name, row in rows.items()} == {
        "day:*": 50,
        "day:*/dag": 9,
        "loop:l": 20,
    }
    row = here.ledger.budget("run:dag/run")
    assert row is not None
    assert (row.cap_usd, row.cap_tokens, row.capped_by) == run
    row = here.ledger.budget("step:dag/run/implement")
    assert row is not None
    assert row.cap_tokens == 1000
    assert here.ledger.budget(f"day:{datetime.now(UTC):%Y-%m-%d}") is None, "no call was made"
