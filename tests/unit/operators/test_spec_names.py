"""Each spec has an hourly DAG of its own, and so an id that no other has."""

from bridle.params import named


def test_specs_are_called_after_repository_and_path():
    assert named([("pantry", "specs/001-x/tasks.md")]) == {
        "pantry_specs_001_x_tasks_md": ("pantry", "specs/001-x/tasks.md")
    }


def test_specs_that_would_be_called_the_same_are_not():
    """A second DAG of one id would silently take the first one's place."""
    one, other = ("a", "b/PLAN.md"), ("a_b", "PLAN.md")
    names = named([one, other])
    assert set(names.values()) == {one, other}
    assert set(names) == set(named([other, one]))
