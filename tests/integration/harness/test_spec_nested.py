"""Tasks nested in others: nobody works on one that has others below it, and yet it has to become whole."""

from collections.abc import Callable
from typing import Any

from harness_bench import Bed
from spec_table import Table

from bridle.harness.pick import give_task

Make = Callable[[dict[str, Any]], Bed]
NESTED = """\
# Songs

- [ ] Sing in song.txt
  Two voices, in C.
  - Acceptance: `test -s song.txt -a -s tune.txt`
  - [ ] Write one.txt
    - [x] Hum
    - [ ] Write two.txt
"""


def test_a_nested_task_is_told_what_it_is_part_of_and_the_last_part_has_to_make_it_whole(bed: Make) -> None:
    table = Table(bed({}), acceptance=["test -s *"])
    table.user.commit({"PLAN.md": NESTED})
    assert table.pick().startswith("working on write-two-txt-")
    given = give_task(table.step("task_1"), table.routine, table.picked, 1)
    assert given is not None
    told = given.result["text"]
    for said in ("Write two.txt", "It is a part of:", "Sing in song.txt", "Two voices", "below: Songs"):
        assert said in told
    assert given.result["last_part"]
    assert given.acceptance == ["test -s song.txt -a -s tune.txt"]
    landed = table.land(table.work({"two.txt": "right\n", "song.txt": "la\n"}))
    assert "check 'acceptance' fails" in landed.summary
    table.finish(None)
    table.do({"two.txt": "right\n", "song.txt": "la\n", "tune.txt": "la\n"})
    assert table.show(table.branch) == NESTED.replace("[ ]", "[x]")
    assert table.user.git("log", "-1", "--format=%s", table.branch).strip() == "Write two.txt"


def test_a_part_that_is_not_the_last_is_judged_by_itself(bed: Make) -> None:
    table = Table(bed({}), acceptance=["test -s *"])
    table.user.commit({"PLAN.md": NESTED.replace("[x] Hum", "[ ] Hum")})
    table.pick()
    given = give_task(table.step("task_1"), table.routine, table.picked, 1)
    assert given is not None
    assert (given.result["last_part"], given.acceptance) == (False, [])
