"""The names under which steps, budgets and fences are kept."""

import pytest

from bridle.ledger.records import StepKey, Usage


@pytest.mark.parametrize(("map_index", "path"), [(-1, "d/r/g.t"), (0, "d/r/g.t/0"), (3, "d/r/g.t/3")])
def test_a_step_is_named_by_dag_run_and_task_and_its_index_when_mapped(map_index, path):
    step = StepKey("d", "r", "g.t", map_index)
    assert step.path == path
    assert step.scope == f"step:{path}"
    assert step.run_scope == "run:d/r"


def test_tokens_in_all_are_input_and_output_because_the_rest_is_part_of_them():
    assert Usage(100, 20, cache_read_tokens=80, cache_write_tokens=10, reasoning_tokens=5).total == 120
