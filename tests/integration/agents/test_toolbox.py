"""The api agent's tools, on real files and with real commands."""

import asyncio
import subprocess
from uuid import uuid4

import pytest

from bridle.agents.shell import OUTPUT_BYTES
from bridle.agents.toolbox import Toolbox, Unusable
from patience import PATIENCE


@pytest.fixture
def work(tmp_path):
    (tmp_path / "secret").write_text("the-secret")
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    (work / "src" / "a.py").write_text("one\ntwo\nthree\n")
    (work / "link").symlink_to(tmp_path / "secret")
    (work / "out").symlink_to(tmp_path)
    return work


def shell(work, command, **more):
    return asyncio.run(Toolbox(work).shell(command, **more))


def test_reading_numbers_lines_and_pages(work):
    box = Toolbox(work)
    assert box.read("src/a.py") == "1\tone\n2\ttwo\n3\tthree"
    assert box.read("src/a.py", offset=2, limit=1) == "2\ttwo\n(1 more lines)"


@pytest.mark.parametrize("path", ["../secret", "link", "out/secret", "/etc/hostname", "src/../../secret"])
def test_no_file_tool_leaves_the_work_tree(work, path):
    box = Toolbox(work)
    with pytest.raises(Unusable, match="outside"):
        box.read(path)
    with pytest.raises(Unusable, match="outside"):
        box.edit(path, "the-secret", "x")
    with pytest.raises(Unusable, match="outside"):
        box.write(path, "x")
    with pytest.raises(Unusable, match="outside"):
        asyncio.run(box.search("secret", path))
    assert (work.parent / "secret").read_text() == "the-secret"


def test_searching_does_not_follow_links(work):
    assert asyncio.run(Toolbox(work).search("the-secret")) == "(nothing found)"
    assert asyncio.run(Toolbox(work).search("tw+o")) == "src/a.py:2:two"
    assert "src/a.py" in asyncio.run(Toolbox(work).search(""))


def test_an_edit_changes_no_other_line_not_even_its_end(work):
    file = work / "dos.txt"
    file.write_bytes(b"one\r\ntwo\r\nthree\r\n")
    Toolbox(work).edit("dos.txt", "two", "2")
    assert file.read_bytes() == b"one\r\n2\r\nthree\r\n"
    Toolbox(work).edit("dos.txt", "one\n2\n", "1\n2\n2b\n")
    assert file.read_bytes() == b"1\r\n2\r\n2b\r\nthree\r\n"


def test_an_edit_must_be_unambiguous(work):
    box = Toolbox(work)
    (work / "twice").write_text("x x")
    with pytest.raises(Unusable, match="2 times"):
        box.edit("twice", "x", "y")
    with pytest.raises(Unusable, match="not in"):
        box.edit("twice", "z", "y")
    box.edit("src/a.py", "two", "2")
    assert (work / "src" / "a.py").read_text() == "one\n2\nthree\n"


def test_writing_makes_folders(work):
    Toolbox(work).write("new/deep/file.txt", "text")
    assert (work / "new" / "deep" / "file.txt").read_text() == "text"


def test_the_shell_tells_output_and_exit_code(work):
    assert shell(work, "cat src/a.py; echo oops >&2; exit 3") == "one\ntwo\nthree\noops\n\n(exit code 3)"


def test_the_shell_keeps_beginning_and_end_of_a_long_output(work):
    answer = shell(work, "echo start; yes x | head -c 5000000; echo end")
    assert len(answer) < OUTPUT_BYTES + 200
    assert answer.startswith("start")
    assert "end\n" in answer[-40:]
    assert "bytes left out" in answer


def test_a_command_is_ended_in_time_with_what_it_started(work):
    mine = f"sleep {uuid4().int % 10**8 + 1000}"
    for seconds in (0.5, 5, 50):  # a busy machine may not come to it in so little time
        answer = shell(work, f"{mine} & echo waiting; {mine}", timeout_seconds=seconds)
        assert f"ended after {seconds:g} seconds" in answer
        assert subprocess.run(["pgrep", "-f", f"^{mine}"], check=False).returncode == 1
        if "waiting" in answer:
            return
    pytest.fail("what a command has said is lost with it")


def test_a_command_in_the_background_does_not_hold_the_session(work):
    answer = shell(work, "sleep 4322.5 & echo started", timeout_seconds=PATIENCE)
    assert answer == "started\n\n(exit code 0)"  # and not that it was ended in the end
