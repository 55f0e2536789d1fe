"""Ticking sets one mark; everything else in the file stays as people wrote it, byte for byte."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_spec_formats import PLACES, read

from bridle.errors import SpecChanged
from bridle.spec.spec import FORMATS, Spec, tick

MARKDOWN = [name for name in FORMATS if name != "prd_json"]


def one_change(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """The only piece that differs, as it was and as it is."""
    start = next(at for at in range(len(before) + 1) if before[: at + 1] != after[: at + 1])
    tail = 0
    while (
        tail < min(len(before), len(after)) - start
        and before[len(before) - tail - 1] == after[len(after) - tail - 1]
    ):
        tail += 1
    return before[start : len(before) - tail], after[start : len(after) - tail]


@pytest.mark.parametrize("name", PLACES)
def test_each_task_of_a_real_file_is_ticked_by_one_mark(name):
    spec = read(name)
    for task in spec.tasks:
        if task.done:
            assert tick(spec.data, task) == spec.data
            continue
        after = tick(spec.data, task)
        was, now = one_change(spec.data, after)
        assert now in {b"x", b"X", b"tru", b"true", b', "passes": true'}
        assert len(was) <= len(b"false")
        again = Spec.read(spec.path, after, spec.format)
        assert again.by_key[task.key].done
        assert {t.key: t.done for t in again.tasks} == {t.key: t.done or t is task for t in spec.tasks}
        assert [t.wording for t in again.tasks] == [t.wording for t in spec.tasks]
        if name.endswith(".json"):
            json.loads(after)


def test_a_line_that_is_not_what_was_read_is_not_ticked():
    spec = Spec.read("PLAN.md", b"- [ ] one\n- [ ] two\n")
    with pytest.raises(SpecChanged, match="read it again"):
        tick(b"- [ ] One\n- [ ] two\n", spec.tasks[0])


def test_people_may_move_tick_and_edit_other_tasks_meanwhile():
    one, two, three = Spec.read("PLAN.md", b"- [ ] one\n- [ ] two\n- [ ] three\n").tasks
    newest = Spec.read("PLAN.md", b"# Now\r\n* [ ] three!\r\n* [x] one\r\n* [ ] two")
    assert newest.tick(two) == b"# Now\r\n* [ ] three!\r\n* [x] one\r\n* [x] two"
    assert newest.tick(one) == newest.data, "somebody has ticked it"
    with pytest.raises(SpecChanged, match="not there any more"):
        newest.tick(three)


def test_a_task_that_says_something_else_by_now_is_not_ticked():
    (task,) = Spec.read("PLAN.md", b"- [ ] 1.1 Sing\n  - softly\n").tasks
    for changed in (b"- [ ] 1.1 Dance\n  - softly\n", b"- [ ] 1.1 Sing\n  - loudly\n"):
        with pytest.raises(SpecChanged, match=r"1\.1 was changed while it was worked on"):
            Spec.read("PLAN.md", changed).tick(task)


def test_the_last_of_several_tasks_completes_the_one_above_them():
    spec = Spec.read("PLAN.md", b"- [ ] a\n  - [ ] b\n    - [x] c\n    - [ ] d\n  - [-] e\n- [ ] f\n")
    by_title = {task.title: task for task in spec.tasks}
    assert spec.tick(by_title["d"]) == b"- [ ] a\n  - [x] b\n    - [x] c\n    - [x] d\n  - [-] e\n- [ ] f\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(
    "odd", ["\0", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"], ids=ascii
)
def test_what_only_python_takes_for_a_line_end_moves_no_mark(odd, end):
    lines = [f"# A{odd}b", odd, f"- [ ] one {odd} more", f"  {odd}below", "", "```", odd, "```", "- [ ] two"]
    data = end.join(lines).encode()
    one, two = Spec.read("PLAN.md", data).tasks
    assert tick(data, one) == data.replace(b"- [ ] one", b"- [x] one")
    assert tick(data, two) == data.replace(b"- [ ] two", b"- [x] two")


# --- properties ---------------------------------------------------------------------------------------

settings.register_profile(
    "busy", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")  # a busy machine is no bug

ENDS = st.sampled_from(["\n", "\r\n"])
WORDS = st.text("aB12 .,:;()[]{}*_+-#\"\\'/äß计🎉\t\u00a0\u0301", max_size=25)
PIECES = st.one_of(
    st.builds(
        "{}- [{}] {}".format,
        st.sampled_from(["", "  ", "\t", "    ", "      "]),
        st.sampled_from(" xX-"),
        WORDS,
    ),
    st.builds(
        "{}* [{}] T{:03} [P] {}".format,
        st.sampled_from(["", " "]),
        st.sampled_from(" x"),
        st.integers(0, 99),
        WORDS,
    ),
    st.builds("- [ ]* {}.{} {}".format, st.integers(1, 9), st.integers(1, 9), WORDS),
    st.sampled_from(
        ["", "```", "~~~~", "<!--", "-->", "> - [ ] quoted", "1. [ ] one", "---", "\t- [ ] tab", "<details>"]
    ),
    st.builds("{} {}".format, st.sampled_from(["#", "##"]), WORDS),
    WORDS,
)


@st.composite
def markdown(draw):
    """Files as people and models write them, tangled ones included."""
    lines = draw(st.lists(PIECES, max_size=25))
    end = draw(ENDS)
    data = end.join(lines).encode("utf-8") + draw(
        st.sampled_from([b"", end.encode(), b"\r", b"\xff\x00\xfe"])
    )
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data


@given(markdown(), st.sampled_from(MARKDOWN))
def test_ticking_changes_one_mark_in_whatever_file(data, format):
    spec = Spec.read("PLAN.md", data, format)
    assert len(spec.by_key) == len(spec.tasks)
    for task in spec.tasks:
        assert spec.data[task.start : task.end].count(b"\n") == 0
        if task.done:
            continue
        after = tick(data, task)
        assert after[: task.mark[0]] == data[: task.mark[0]]
        assert after[task.mark[0] : task.mark[0] + 1] == task.ticked
        assert after[task.mark[0] + 1 :] == data[task.mark[1] :]
        again = Spec.read("PLAN.md", after, format)
        assert again.by_key[task.key].done
        assert [t.key for t in again.tasks] == [t.key for t in spec.tasks]
        assert [t.done for t in again.tasks if t.key != task.key] == [
            t.done for t in spec.tasks if t.key != task.key
        ]


@given(st.binary(max_size=300), st.sampled_from(MARKDOWN))
def test_any_bytes_can_be_read(data, format):
    for task in Spec.read("x", data, format).tasks:
        tick(data, task)


STORIES = st.lists(
    st.fixed_dictionaries(
        {"title": WORDS, "acceptanceCriteria": st.lists(WORDS, max_size=2)},
        optional={
            "passes": st.booleans(),
            "priority": st.integers(-3, 9),
            "notes": WORDS.map(lambda text: text + '"passes": false'),
            "extra": st.recursive(
                st.none() | st.booleans() | WORDS,
                lambda v: st.lists(v) | st.dictionaries(WORDS, v),
                max_leaves=5,
            ),
        },
    ),
    max_size=6,
)


@given(STORIES, st.sampled_from([None, 2, "\t"]), st.booleans(), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_ticking_a_story_changes_its_passes_and_nothing_else(stories, indent, ascii_only, bom):
    stories = [{"id": f"US-{number}", **story} for number, story in enumerate(stories)]
    text = json.dumps(
        {"before": {"passes": False}, "userStories": stories, "after": 1},
        indent=indent,
        ensure_ascii=ascii_only,
    )
    data = bom + text.encode("utf-8", "replace")
    spec = Spec.read("prd.json", data)
    assert {task.key for task in spec.tasks} == {story["id"] for story in stories}
    whole = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    for task in spec.tasks:
        after = json.loads(tick(data, task).removeprefix(b"\xef\xbb\xbf"))
        for story in whole["userStories"]:
            if story["id"] == task.key:
                expected = replace_story(whole, task.key)
                assert after == expected
        first, end = task.mark
        assert task.done or tick(data, task) == data[:first] + task.ticked + data[end:]


def replace_story(whole, key):
    told = [{**story, "passes": True} if story["id"] == key else story for story in whole["userStories"]]
    return {**whole, "userStories": told}


@given(markdown())
def test_a_stale_task_never_ticks_another_line(data):
    """Whatever people do to the file meanwhile, either exactly this task is ticked or nothing is."""
    spec = Spec.read("PLAN.md", data, "checkbox")
    newest = Spec.read("PLAN.md", b"- [ ] first of all\n\n" + data[: len(data) // 2], "checkbox")
    for task in spec.tasks:
        try:
            after = Spec.read("PLAN.md", newest.tick(task), "checkbox")
        except SpecChanged:
            continue
        ticked = [
            new.wording for new, old in zip(after.tasks, newest.tasks, strict=True) if new.done != old.done
        ]
        groups = [new.wording for new in newest.tasks if new.children]
        assert set(ticked) - set(groups) <= {task.wording}


def test_the_bytes_are_compared_and_not_only_the_key():
    spec = Spec.read("PLAN.md", b"- [ ] T001 one\n")
    with pytest.raises(SpecChanged):
        tick(spec.data, replace(spec.tasks[0], digest="0" * 64))
