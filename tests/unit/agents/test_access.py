from pathlib import Path

import pytest

from bridle.agents.access import tools_of
from bridle.agents.base import SessionSpec
from bridle.errors import ConfigError


def spec(access, *tools):
    return SessionSpec(
        session_id="s",
        agent="api",
        prompt="p",
        workdir=Path("/w"),
        home=Path("/h"),
        access=access,
        model="m",
        dialect="openai-chat",
        tools=tools,
        gateway_url="http://127.0.0.1:1",
        gateway_token="t",
    )


def test_the_access_level_decides_when_the_role_says_nothing():
    assert tools_of(spec("none")) == ()
    assert tools_of(spec("read")) == ("read", "search")
    assert tools_of(spec("write")) == ("read", "search", "edit", "write", "shell")


def test_a_role_can_take_away_but_not_add_what_writes():
    assert tools_of(spec("write", "read", "edit")) == ("read", "edit")
    assert tools_of(spec("read", "read", "edit", "shell")) == ("read", "shell")
    assert tools_of(spec("none", "shell")) == ()


def test_a_tool_that_does_not_exist_is_a_mistake():
    with pytest.raises(ConfigError, match="browse"):
        tools_of(spec("write", "browse"))
