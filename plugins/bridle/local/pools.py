"""Airflow pools that roles.yaml asks for, made by Airflow's own command."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bridle.errors import ConfigError, StackError


def make_pools(pools: Mapping[str, int], env: Mapping[str, str]) -> None:
    """Make the pools that are missing, and bring the number of slots of the others up to date.

    Args:
        pools: name to number of slots; others that Airflow has are left alone.
        env: of a process that may reach Airflow's database.

    Raises:
        ConfigError: Airflow does not take one of them.
        StackError: its command did not end.
    """
    if not pools:
        return
    wanted = {
        name: {"slots": slots, "description": "made by bridle migrate", "include_deferred": False}
        for name, slots in pools.items()
    }
    with tempfile.TemporaryDirectory(prefix="bridle-pools-") as folder:
        file = Path(folder) / "pools.json"
        file.write_text(json.dumps(wanted), encoding="utf-8")
        command = [sys.executable, "-m", "airflow", "pools", "import", str(file)]
        try:
            done = subprocess.run(
                command, env=dict(env), capture_output=True, text=True, timeout=300, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise StackError("`airflow pools import` did not end; is Airflow's database up?") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ConfigError(
            f"pools {', '.join(pools)} of roles.yaml could not be made by `airflow pools import`: "
            f"{' '.join(said) or 'no reason given'}; is Airflow's own database migrated?"
        )
