"""The script file: what it may say, and what is said about its mistakes."""

from pathlib import Path

import pytest

from bridle.errors import ConfigError
from bridle.gateway.script import Script
from bridle.gateway.script.document import Turn

SCRIPT = """
classify:
  - - output: {label: bug}
implement:
  - - ops: [{op: read, path: a.py}, {op: search, pattern: def}]
    - text: done
  - - text: again
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "script.yaml"
    path.write_text(text)
    return path


def test_the_last_session_plays_every_later_round(tmp_path: Path) -> None:
    script = Script.read(write(tmp_path, SCRIPT))
    assert script.tasks == ("classify", "implement")
    assert [len(script.session("implement", n) or ()) for n in (1, 2, 3)] == [2, 1, 1]
    assert script.session("review", 1) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n  - - text: x\n    - op: read\n", ":3: a.0.1.op: is not known here"),
        ("a:\n  - - text: x\n      ops:\n        - {op: fly, path: x}\n", ":4: a.0.0.ops.0"),
        ("a:\n  - - text: x\n      ops:\n        - {op: edit, path: x, old: y}\n", "new: is missing"),
        ("a: []\n", ":1: a"),
        ("a:\n  - - fail: [explode]\n", ":2: a.0.0.fail.0"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Script.read(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_faults_come_one_for_each_attempt_and_then_the_lasting_one() -> None:
    turn = Turn(fail=(429, "cut"))
    assert [turn.fault(n, "m") for n in range(3)] == [429, "cut", None]
    assert Turn(fail=(500,), stall=True).fault(7, "m") == "stall"
    assert Turn(fail=(500,), failing="other").fault(0, "m") is None
