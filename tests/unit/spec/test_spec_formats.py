"""What Bridle reads out of the spec files that people have."""

from pathlib import Path

import pytest

from bridle.errors import SpecError
from bridle.spec.choose import next_tasks, ready
from bridle.spec.spec import FORMATS, Spec, detect

FILES = Path(__file__).parent / "files"
PLACES = {
    "speckit.md": "specs/001-photo-albums/tasks.md",
    "kiro.md": ".kiro/specs/photos/tasks.md",
    "openspec.md": "openspec/changes/add-otp/tasks.md",
    "windows.md": "PLAN.md",
    "nested.md": "PLAN.md",
    "prd.json": "prd.json",
}


def read(name: str, **options: str) -> Spec:
    return Spec.read(PLACES[name], (FILES / name).read_bytes(), **options)


def keys(tasks) -> list[str]:
    return [task.key for task in tasks]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("speckit.md", "speckit"),
        ("kiro.md", "kiro"),
        ("openspec.md", "openspec"),
        ("windows.md", "checkbox"),
        ("nested.md", "checkbox"),
        ("prd.json", "prd_json"),
    ],
)
def test_the_format_is_found_by_place_or_content(name, format):
    assert read(name).format == format
    assert detect(PLACES[name], b"") in {format, "checkbox"}


def test_content_tells_the_format_of_a_file_that_lies_elsewhere():
    assert detect("TASKS.md", (FILES / "speckit.md").read_bytes()) == "speckit"
    assert detect("TASKS.md", (FILES / "kiro.md").read_bytes()) == "kiro"


def test_a_format_can_be_named_and_an_unknown_one_is_an_error():
    assert read("kiro.md", format="checkbox").format == "checkbox"
    with pytest.raises(SpecError, match="'org'; there are: checkbox"):
        read("kiro.md", format="org")


def test_speckit_has_ids_phases_stories_and_parallel_marks():
    spec = read("speckit.md")
    assert keys(spec.tasks) == [
        *("T001", "T002", "T003", "T004", "T005", "T012", "T013", "T014", "T020", "T030"),
    ]
    model = spec.by_key["T012"]
    assert (model.title, model.parallel, model.ticked) == (
        "Create Album model in src/models/album.py",
        True,
        b"X",
    )
    assert model.paths == {"src/models/album.py"}
    assert {"T012", "T013", "T005"} <= set(spec.by_key["T014"].depends)
    assert "T014" not in spec.by_key["T020"].depends, "another story does not wait for this one"
    assert {"T014", "T020"} <= set(spec.by_key["T030"].depends)
    assert keys(next_tasks(spec, at_most=3)) == ["T003", "T004"]
    assert keys(ready(spec)) == ["T003", "T004"], "later phases wait"


def test_kiro_goes_by_numbers_leaves_out_optional_ones_and_what_somebody_works_on():
    spec = read("kiro.md")
    assert keys(spec.tasks) == ["1", "2", "2.1", "2.2", "2.3", "3", "3.1", "3.2", "4", "10"]
    assert spec.by_key["3"].children == ("3.1", "3.2")
    assert spec.by_key["3.1"].held
    assert spec.by_key["3.2"].commands == ("make test-storage",)
    assert spec.by_key["2.2"].details == ("- Write User class with validation methods\n- _Requirements: 1.2_")
    assert keys(ready(spec)) == ["2.2", "3.2", "4", "10"]
    assert keys(ready(spec, optional=True)) == ["2.2", "2.3", "3.2", "4", "10"]


def test_openspec_is_a_chain():
    spec = read("openspec.md")
    assert [task.depends for task in spec.tasks] == [(), ("1.1",), ("1.2",), ("2.1",)]
    assert keys(ready(spec)) == ["1.2"]
    assert ready(spec, without={"1.2"}) == [], "what follows waits for a blocked task"


def test_prd_json_goes_by_priority():
    spec = read("prd.json")
    assert keys(spec.tasks) == ["US-002", "US-001", "US-003", "US-004"]
    assert spec.by_key["US-003"].done
    assert spec.by_key["US-001"].commands == ("make typecheck",)
    assert spec.by_key["US-004"].depends == ("US-001",)
    assert keys(ready(spec)) == ["US-002", "US-001"]


def test_boxes_in_code_comments_and_quotations_are_no_tasks():
    titles = [task.title for task in read("windows.md").tasks]
    assert titles == [
        *("Grüße ausgeben 👋", "mit Tabulator", "zweimal", "dreimal"),
        *("mit Stern", "mit Plus", "numeriert", "mit kaputtem Byte \ufffd\ufffd hier", "ohne Zeilenende"),
    ]


def test_nesting_and_what_looks_like_a_box_but_is_none():
    spec = read("nested.md")
    assert [task.title for task in spec.tasks] == [
        *("Parser", "Tokens", "Errors", "Recovery (depends on: Errors)", "Printer", "Widths"),
        *("Printer", "Widths", "two spaces", "half done"),
    ]
    parser, _, errors = spec.tasks[:3]
    assert parser.children == tuple(keys(spec.tasks[1:4]))
    assert "in a block" in parser.details
    assert "Errors" not in parser.details
    assert errors.commands == ("python -m pytest tests/test_errors.py",)


@pytest.mark.parametrize("name", PLACES)
def test_keys_are_unique_and_survive_a_new_order(name):
    spec = read(name)
    assert len(set(keys(spec.tasks))) == len(spec.tasks)
    if name == "openspec.md":
        lines = spec.data.splitlines(keepends=True)
        moved = Spec.read(spec.path, b"".join([*lines[4:], *lines[:4]]))
        assert set(keys(moved.tasks)) == set(keys(spec.tasks))


def test_a_task_without_an_id_keeps_its_key_when_it_is_moved_or_ticked_and_not_when_it_is_reworded():
    one, two = Spec.read("PLAN.md", b"- [ ] Sing\n- [ ] Dance, now\n").tasks
    moved = Spec.read("PLAN.md", b"# New\n\ntext\n\n* [x]  dance,   now\n* [ ] Sing\n")
    assert keys(moved.tasks) == [two.key, one.key]
    assert two.key.startswith("dance-now-")
    assert Spec.read("PLAN.md", b"- [ ] Dance, later\n").tasks[0].key != two.key


def test_parallel_tasks_that_name_the_same_file_go_one_after_the_other():
    text = b"- [ ] T001 [P] a in src/a.py\n- [ ] T002 [P] b in src/a.py\n- [ ] T003 [P] c in src/c.py\n"
    spec = Spec.read("tasks.md", text)
    assert keys(next_tasks(spec, at_most=3)) == ["T001"]
    assert keys(next_tasks(spec, at_most=3, without={"T001"})) == ["T002", "T003"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"userStories": {}}',
        b'{"userStories": [1]}',
        b'{"a": 1}',
        b'{"userStories": [{"id": 1},{"id": 1}]}',
    ],
)
def test_what_is_no_prd_json_is_said(data):
    with pytest.raises(SpecError, match=r"prd\.json"):
        Spec.read("prd.json", data)


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "prd_json"])
def test_a_text_without_tasks_has_none(format):
    for data in (b"", b"\n", b"# Nothing\n", b"\xff\xfe\x00", b"- [ ]", b"```\n- [ ] x"):
        assert Spec.read("PLAN.md", data, format).tasks == ()


def test_a_task_with_none_but_optional_ones_below_it_is_work_itself():
    spec = Spec.read(
        ".kiro/specs/photos/tasks.md", b"- [ ] 1. Build\n  - [ ]* 1.1 Test\n- [ ] 2. Ship\n", "kiro"
    )
    assert keys(ready(spec)) == ["1", "2"]
    after = Spec.read(spec.path, spec.tick(spec.by_key["1"]), "kiro")
    assert keys(ready(after)) == ["2"]


def test_openspec_waits_for_no_optional_task():
    data = b"- [x] 1.1 Build\n- [ ]* 1.2 Test\n- [ ] 1.3 Ship\n"
    assert keys(ready(Spec.read("openspec/changes/x/tasks.md", data))) == ["1.3"]
