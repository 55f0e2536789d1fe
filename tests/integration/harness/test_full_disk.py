"""A disk that fills up: one clear error, nothing left, and a cleared task goes on once there is room."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import yaml

HERE = Path(__file__).parent
NAMESPACE = (
    ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")
)
EDIT = {"ops": [{"op": "edit", "path": "calc.py", "old": "a - b", "new": "a + b"}]}
SETTLED = {
    "ops": [{"op": "shell", "command": "for i in $(seq 900); do test -e .git/kept && break; sleep 0.1; done"}]
}
"""Until there is a checkpoint."""
ROOM = "mount -o remount,size=64m host"


def shell(command: str) -> dict[str, Any]:
    """A turn in which the agent runs a command."""
    return {"ops": [{"op": "shell", "command": command}]}


class Host:
    """A host whose `[bridle] home` and temporary folder are file systems of their own."""

    def __init__(self, folder: Path, ledger_url: str) -> None:
        self.folder = folder
        self.ledger_url = ledger_url.replace("+psycopg", "")

    def tries(
        self, *plan: tuple[str, int], sizes: str, sessions: list[list[Any]], script: str = "full_disk.py"
    ) -> list[dict[str, Any]]:
        """Try the step as often as `plan` says: the command that goes before each, and its generation.

        The file systems are gone with the process that made them.

        Args:
            plan: of the tries.
            sizes: of home and temporary folder.
            sessions: what the model says in them.
            script: what is run there.
        """
        (self.folder / "script.yaml").write_text(yaml.safe_dump({"implement": sessions}))
        mounts = []
        for name, size in zip(("host", "tmp"), sizes.split(), strict=True):
            (self.folder / name).mkdir()
            mounts.append(f"mount -t tmpfs -o mode=1777,size={size} small {self.folder / name}")
        within = [*NAMESPACE, "sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "sh"]
        if subprocess.call([*within, "true"], stderr=subprocess.DEVNULL):
            pytest.skip("this host lets nobody mount a small file system")
        asked = json.dumps([{"before": before, "generation": number} for before, number in plan])
        done = subprocess.run(
            [*within, sys.executable, str(HERE / script), str(self.folder), asked],
            env={
                **os.environ,
                "AIRFLOW_HOME": str(self.folder / "airflow"),
                "AIRFLOW_CONN_BRIDLE_LEDGER": self.ledger_url,
                "TMPDIR": str(self.folder / "tmp"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout.splitlines()[-1]))

    def rows(self, query: str) -> list[Any]:
        """What the ledger has."""
        with psycopg.connect(self.ledger_url) as connection:
            return connection.execute(query).fetchall()

    def sessions(self) -> list[Any]:
        """Outcome, reason, whether there is a checkpoint, and tokens of each."""
        return self.rows(
            "SELECT outcome, reason, checkpoint IS NOT NULL, resumed_from IS NOT NULL,"
            " (SELECT count(*) FROM bridle.model_call c WHERE c.session_id = s.id),"
            " (SELECT sum(input_tokens + output_tokens) FROM bridle.model_call c WHERE c.session_id = s.id),"
            " (SELECT sum(cost) FROM bridle.model_call c WHERE c.session_id = s.id)"
            " FROM bridle.session s ORDER BY id"
        )


@pytest.fixture
def host(ledger_url: str) -> Iterator[Host]:
    # not pytest's own folder: its path is too long for a socket below
    with TemporaryDirectory(prefix="room-") as folder:
        Path(folder).chmod(0o755)
        yield Host(Path(folder), ledger_url)


def test_a_disk_that_the_agent_fills_ends_the_session_and_a_cleared_task_goes_on_from_its_checkpoint(
    host: Host,
) -> None:
    fills = shell("head -c 30000000 /dev/zero > .git/large; seq 1 9000")
    first, second = host.tries(
        (":", 2),
        (ROOM, 5),
        sizes="6m 6m",
        sessions=[[EDIT, SETTLED, fills, {"text": "Changed calc.py."}]],
    )
    check_told(host, first, "session")
    assert second["checks"] == {"tests": True}  # the edit was in the checkpoint: it is not made again
    assert second["left"] == []
    before, after = host.sessions()
    assert (before[0], before[2]) == ("limit", True)
    assert (after[0], after[3]) == ("done", True)
    assert (before[4] >= 3, after[4] <= 2) == (True, True)  # what was paid for is not paid for again


def check_told(host: Host, told: dict[str, Any], what: str) -> None:
    """Fail unless it was told once, clearly, everywhere, and nothing is left but what was paid for."""
    assert (told["error"], told["again"]) == ("NoRoom", False), told
    for words in ("this host's disk is full", "make room in [bridle] home", "then clear the task", what):
        assert words in told["message"]
    assert told["left"] == []
    assert host.rows("SELECT kind, reason FROM bridle.failure") == [("NoRoom", told["message"])]
    (outcome, reason, _, _, calls, tokens, cost), *_ = host.sessions()
    assert (outcome, told["message"].startswith(reason.partition("… [cut")[0])) == ("limit", True), reason
    assert calls > 0
    assert tokens > 0
    assert cost > 0


def test_a_commit_that_finds_no_room_ends_the_session_with_what_it_has_cost(host: Host) -> None:
    """The agent's file fits once; git needs it a second time."""
    large = shell("head -c 3000000 /dev/urandom > large.bin")
    first, second = host.tries(
        (":", 2),
        (ROOM, 5),
        sizes="5m 5m",
        sessions=[[EDIT, SETTLED, large, {"text": "Done."}, large, {"text": "Done again."}]],
    )
    check_told(host, first, "git ")
    assert second["checks"] == {"tests": True}
    assert second["left"] == []


def test_a_check_that_finds_no_room_pays_for_no_further_round_and_a_cleared_task_only_checks_again(
    host: Host,
) -> None:
    """The code is right; nothing that a model could change would help."""
    fills = "import pathlib; pathlib.Path('out.bin').write_bytes(b'x' * 30_000_000)"
    first, second = host.tries(
        (":", 2),
        (ROOM, 5),
        sizes="6m 6m",
        sessions=[[EDIT, shell(f'echo "{fills}" > test_calc.py'), {"text": "Done."}], [{"text": "Never."}]],
    )
    assert (first["error"], first["left"]) == ("NoRoom", [])
    assert "check tests: OSError: [Errno 28] No space left on device" in first["message"]
    assert host.rows("SELECT reason FROM bridle.failure") == [(first["message"],)]
    assert [row[0] for row in host.sessions()] == ["done"]
    assert second["checks"] == {"tests": True}
    assert host.rows("SELECT exit_code FROM bridle.check_run") == [(0,)]


def test_a_temporary_folder_without_room_ends_the_step_before_anything_is_paid_for(host: Host) -> None:
    first, second = host.tries(
        ("head -c 9000000 /dev/zero > tmp/large; true", 2),
        ("rm tmp/large", 5),
        sizes="32m 4m",
        sessions=[[EDIT, {"text": "Done."}]],
    )
    assert (first["error"], first["left"]) == ("NoRoom", [])
    assert "where TMPDIR is" in first["message"]
    assert host.rows("SELECT kind, reason FROM bridle.failure") == [("NoRoom", first["message"])]
    assert second["checks"] == {"tests": True}
    (before, after) = host.sessions()
    assert (before[0], before[4]) == ("limit", 0)
    assert after[0] == "done"


def test_events_that_found_no_room_while_the_ledger_was_away_take_no_other_with_them(host: Host) -> None:
    """Those that were kept before and after are replayed, once each; the one that was not is an error."""
    (told,) = host.tries((":", 0), sizes="1m 1m", sessions=[], script="full_spool.py")
    assert told == {
        "kept": ["first", "second", "fourth", "fifth"],
        "error": "[Errno 28] No space left on device",
        "left": [],
    }
