from pathlib import Path

import pytest

from bridle.errors import ConfigError
from bridle.process.sandbox import Isolation, Sandbox
from bridle.process.strength import Strength


def test_without_isolation_the_command_is_what_it_was():
    assert Sandbox().wrap(["make", "test"], cwd=Path("/")) == ["make", "test"]


def test_a_deeper_rule_comes_later_and_so_wins(tmp_path):
    session = tmp_path / "state" / "session"
    session.mkdir(parents=True)
    box = Sandbox(Isolation.SANDBOX, writable=(session,), hidden=(tmp_path / "state",))
    argv = box.wrap(["true"], cwd=session)
    hidden = argv.index(str(tmp_path / "state"))
    assert argv[hidden - 1] == "--tmpfs"
    assert argv.index("--bind") > hidden


def test_a_sandbox_without_network_has_a_network_of_its_own(tmp_path):
    assert "--unshare-net" in Sandbox(Isolation.SANDBOX).wrap(["true"], cwd=tmp_path)
    assert "--unshare-net" not in Sandbox(Isolation.SANDBOX, network="host").wrap(["true"], cwd=tmp_path)


def test_wishing_for_what_does_not_work_here_says_why():
    strength = Strength((Isolation.NONE,), {Isolation.SANDBOX: "`bwrap` is not installed"}, None)
    assert strength.choose() is Isolation.NONE
    with pytest.raises(ConfigError, match="bwrap"):
        strength.choose(Isolation.SANDBOX)
