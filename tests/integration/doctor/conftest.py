"""An installation that is well."""

from pathlib import Path

import pytest
from doctor_clinic import Installed


@pytest.fixture
def installed(tmp_path: Path, ledger_url: str) -> Installed:
    return Installed(tmp_path, ledger_url)
