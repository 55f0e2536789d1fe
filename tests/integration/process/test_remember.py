"""A finding about this host's isolation is kept for other processes, and believed only when it can be."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bridle.process.remember import NAME, forget, host_key, recall, remember
from bridle.process.sandbox import Isolation
from bridle.process.strength import Strength, detect

PROGRAM = """
import sys
from pathlib import Path
from bridle.process.strength import detect
print(detect(memory=Path(sys.argv[1])).works[0])
"""


class Tools:
    """A folder for PATH with a bubblewrap that counts how often it is started."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        program = folder / "bwrap"
        program.write_text(f'#!/bin/sh\necho >>{self.log}\nexec {shutil.which("bwrap")} "$@"\n')
        program.chmod(0o755)

    def probes(self, home: Path) -> tuple[int, str]:
        """How often a fresh process tries a sandbox, and what it finds."""
        before = len(self.log.read_text())
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(home)],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        return len(self.log.read_text()) - before, done.stdout.strip()


@pytest.fixture
def sandboxed() -> None:
    if detect().works[0] is not Isolation.SANDBOX:
        pytest.skip("no sandbox here")


@pytest.mark.usefixtures("sandboxed")
def test_the_second_process_does_not_probe_again_until_something_changes(tmp_path: Path) -> None:
    home, tools = tmp_path / "home", Tools(tmp_path / "tools")
    first, isolation = tools.probes(home)
    assert (first > 0, isolation) == (True, "sandbox")
    assert stat.S_IMODE((home / NAME).stat().st_mode) == 0o600
    assert tools.probes(home) == (0, "sandbox")
    assert Tools(tmp_path / "upgraded").probes(home)[0] > 0


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize(
    "spoil", ["others may write", "a link", "no JSON", "another host", "somebody else's"]
)
def test_a_file_that_cannot_be_trusted_is_not_believed(tmp_path: Path, spoil: str) -> None:
    """Above all it must not say that less isolation is all there is."""
    detect.cache_clear()
    key = host_key("nobody")
    weak = Strength((Isolation.NONE,), {}, None).record()
    remember(tmp_path, key, weak)
    path = tmp_path / NAME
    assert recall(tmp_path, key) == weak
    if spoil == "others may write":
        path.chmod(0o666)
    elif spoil == "a link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    elif spoil == "no JSON":
        path.write_text("{")
    elif spoil == "another host":
        path.write_text(json.dumps({"key": "another", "finding": weak}))
    elif os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        pytest.skip("only root can give a file away")
    assert recall(tmp_path, key) is None
    assert detect(memory=tmp_path).works[0] is Isolation.SANDBOX


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize(
    "forged",
    [
        {"works": ["none"], "reasons": {}, "user": None},
        {"works": ["sandbox", "user", "none"], "reasons": {}, "user": [0, 0]},
        {"works": [], "reasons": {}, "user": None},
        {"works": ["cage"], "reasons": {}, "user": None},
        {"works": ["sandbox"], "reasons": [], "user": []},
        {},
    ],
    ids=["weaker", "as root", "nothing", "unknown", "misshapen", "empty"],
)
def test_a_finding_that_says_less_than_the_most_is_looked_for_again(
    tmp_path: Path, forged: dict[str, object]
) -> None:
    """It was written under the right key by whoever can write here, such as a session without a sandbox."""
    detect.cache_clear()
    honest = detect()
    remember(tmp_path, host_key("nobody"), forged)
    assert detect(memory=tmp_path) == honest


def test_what_is_forgotten_is_looked_for_again(tmp_path: Path) -> None:
    remember(tmp_path, "key", {"a": 1})
    forget(tmp_path)
    forget(tmp_path)
    assert recall(tmp_path, "key") is None


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file", "key", {"a": 1})
    assert recall(tmp_path / "file", "key") is None


@pytest.mark.usefixtures("sandboxed")
def test_a_finding_survives_the_file(tmp_path: Path) -> None:
    first = detect(memory=tmp_path)
    detect.cache_clear()
    assert detect(memory=tmp_path) == first
    assert (tmp_path / NAME).exists()
