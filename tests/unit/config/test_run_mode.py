"""Who answers models: the setting, and what one run asks for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridle.config.settings import Settings
from bridle.errors import ConfigError

LIVE = Settings(
    home=Path("/srv/bridle"),
    include_dir=None,
    repositories_file=None,
    ledger_conn_id="",
    gateway_mode="live",
    script=None,
    isolation="auto",
    allow_unsandboxed=False,
)
SCRIPTED = replace(LIVE, gateway_mode="script", script=Path("/script.yaml"))


RECORDING_A_SCRIPT = replace(SCRIPTED, gateway_mode="record", cassettes=Path("/cassettes"))


@pytest.mark.parametrize(
    ("settings", "answering"), [(LIVE, "live"), (SCRIPTED, "script"), (RECORDING_A_SCRIPT, "script")]
)
def test_a_recorded_run_is_answered_by_whom_it_would_have_been(settings: Settings, answering: str) -> None:
    recorded = settings.for_run({"issue": 1, "bridle": {"record": True}})
    assert (recorded.gateway_mode, recorded.answered_by) == ("record", answering)
    assert recorded.required_cassettes == Path("/srv/bridle/cassettes")


def test_a_replayed_run_is_answered_by_its_recording() -> None:
    replayed = LIVE.for_run({"bridle": {"replay": "issue_fix/one"}})
    assert (replayed.answered_by, replayed.cassettes) == (
        "replay",
        Path("/srv/bridle/cassettes/issue_fix/one"),
    )


def test_a_run_cannot_turn_a_replaying_installation_live() -> None:
    """Whoever may trigger a run must not spend money where it was set up to spend none."""
    with pytest.raises(ConfigError, match="gateway_mode is `replay`"):
        replace(LIVE, gateway_mode="replay", cassettes=Path("/c")).for_run({"bridle": {"record": True}})


def test_any_other_run_is_as_the_setting_says() -> None:
    assert LIVE.for_run({"issue": 1}) is LIVE


@pytest.mark.parametrize(
    "asked", [{"replay": "../../etc"}, {"replay": "/etc"}, {"replay": 1}, {"mode": "live"}, 1]
)
def test_a_run_cannot_ask_for_a_place_outside_or_for_anything_else(asked: Any) -> None:
    """Whoever may trigger a run must not choose what a worker reads."""
    with pytest.raises(ConfigError, match="the run's configuration has `bridle"):
        LIVE.for_run({"bridle": asked})


def test_recording_without_a_place_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="gateway_mode is `replay` but cassettes is not set"):
        replace(LIVE, gateway_mode="replay").required_cassettes  # noqa: B018 (raises)
