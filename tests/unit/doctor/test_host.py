"""What the doctor says of a host."""

import tempfile
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridle.doctor.host import SOCKET_BYTES, ports
from bridle.workspace.leftovers import socket_folder


@pytest.mark.parametrize("spare", [0, -1])
def test_a_temporary_folder_too_long_for_the_socket_of_a_session_is_told(
    monkeypatch: pytest.MonkeyPatch, spare: int
) -> None:
    session = "01a21958-3f63-72a1-998d-8494e9a3d6ee"
    rest = len(str(socket_folder(session) / "gateway")) - len(tempfile.gettempdir())
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * (SOCKET_BYTES - rest - spare - 1))
    findings = [finding.what for finding in ports(cast("Any", SimpleNamespace(report=None)))]
    assert ("socket" in findings) == (spare < 0)
