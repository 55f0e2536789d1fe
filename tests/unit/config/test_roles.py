"""roles.yaml: fallback chains, escalation, pools, and what an operator changes of a role."""

from pathlib import Path

import pytest

from bridle.agents.base import Limits
from bridle.config.roles import RoleChanges, Roles
from bridle.errors import ConfigError

HEAD = "roles:\n  a:\n    agent: {agent}\n    model: {model}\n"


def read(folder: Path, text: str) -> Roles:
    path = folder / "roles.yaml"
    path.write_text(text)
    return Roles.read(path)


@pytest.mark.parametrize(
    ("agent", "model", "rest", "line", "what"),
    [
        ("claude-code", "anthropic:m", "fallback: [openai:m]", 5, "no dialect of agent 'claude-code' is"),
        ("api", "anthropic:m", "fallback: [openrouter:m, openai:m]", 5, "anthropic, openrouter, openai"),
        ("codex", "moonshot:m", "effort: low", 4, "speaks openai-responses, provider 'moonshot' only"),
        ("magic", "anthropic:m", "effort: low", 3, "agent 'magic' does not exist; roles.yaml can name: api"),
        ("api", "anthropic:m", "limits: {cost_usd: -1}", 5, "limits.cost_usd: .*greater than 0"),
        ("api", "anthropic:m", "limits: {turns: 0}", 5, "limits.turns: .*greater than 0"),
        ("api", "anthropic:m", "fallback: [haiku]", 5, "has no provider"),
        ("api", "anthropic:m", "escalate_to: b", 5, "'b' is no role in this file"),
        ("api", "anthropic:m", "escalate_to: a", 5, "circle, a to a"),
        ("api", "anthropic:m", "model: anthropic:n", 5, "model: is there twice"),
        ("api", "anthropic:m", "limits:\n      turns: 1\n      turms: 2", 7, "turms: is not known here"),
        ("api", "anthropic:m", "limits: {minutes: soon}", 5, "limits.minutes: .*valid number"),
        ("api", "anthropic:m", "pool: [a]", 5, "pool: .*valid string"),
        ("api", "anthropic:m", "tools: read", 5, "tools: .*valid tuple"),
        ("api", "anthropic:m", "tools: [read, raed]", 5, "tools.1: .*'read', 'search', 'edit'"),
        ("api", "anthropic:m", "effort: 'low", 6, "not valid YAML: .* begins in line 5"),
        ("api", "anthropic:haiku", "effort: low", 4, "is an alias"),
        ("claude-code", "anthropic:m", "effort: huge", 5, "knows no effort 'huge'; it has low, medium"),
        ("codex", "openai:m", "tools: [read]", 5, "'codex' cannot be given only some of its tools"),
    ],
)
def test_each_mistake_has_one_error_with_file_and_line(
    tmp_path: Path, agent: str, model: str, rest: str, line: int, what: str
) -> None:
    with pytest.raises(ConfigError, match=what) as error:
        read(tmp_path, HEAD.format(agent=agent, model=model) + f"    {rest}\n")
    assert str(error.value).startswith(f"{tmp_path}/roles.yaml:{line}:")
    assert "\n" not in str(error.value)


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    """Nobody wants to correct a file once for each."""
    with pytest.raises(ConfigError) as error:
        read(tmp_path, "roles:\n  a: {agent: api}\n  b: {model: 'x:y'}\n")
    first, second = str(error.value).splitlines()
    assert first.endswith("roles.yaml:2: roles.a.model: is missing")
    assert second.endswith("roles.yaml:3: roles.b.agent: is missing")


@pytest.mark.parametrize("text", ["- a\n", "just words\n", "roles: 7\n"])
def test_a_file_of_another_shape_is_refused_in_plain_words(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"roles\.yaml:1: .*must be a mapping"):
        read(tmp_path, text)


def test_a_chain_within_one_dialect_is_fine_also_with_a_provider_of_the_users_own(tmp_path: Path) -> None:
    roles = read(
        tmp_path,
        "providers:\n  company: {base_url: 'https://ai.example', dialects: [anthropic-messages]}\n"
        "roles:\n  a:\n    agent: claude-code\n    model: company:big\n"
        "    fallback: [openrouter:anthropic/claude-sonnet-4.5, moonshot:kimi-k2.6, unheard-of:m]\n",
    )
    role = roles.get("a")
    assert role.providers == ("company", "openrouter", "moonshot", "unheard-of")
    assert roles.dialects_of(role) == {"anthropic-messages"}


def test_an_operators_arguments_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    roles = read(
        tmp_path,
        "roles:\n  a: {agent: api, model: 'anthropic:m', connection: mine, effort: low, tools: [read],"
        " limits: {turns: 5, minutes: 1}}\n",
    )
    plain = roles.get("a")
    same = roles.get("a", RoleChanges(effort="high", limits=Limits(turns=9)))
    assert same == plain.model_copy(update={"effort": "high", "limits": Limits(turns=9, minutes=1)})
    moved = roles.get("a", RoleChanges(model="openai:m", fallback=("openrouter:m",), tools=()))
    assert (moved.connection, moved.tools, moved.model) == (None, (), "openai:m")


def test_arguments_that_do_not_fit_the_role_are_an_error_that_names_it(tmp_path: Path) -> None:
    roles = read(tmp_path, HEAD.format(agent="claude-code", model="anthropic:m"))
    with pytest.raises(ConfigError, match="role 'a' with the arguments of its operator: agent 'claude-code'"):
        roles.get("a", RoleChanges(model="openai:m"))
    with pytest.raises(ConfigError, match="has no provider"):
        roles.get("a", RoleChanges(model="opus"))


def test_the_pools_are_those_of_the_file_and_of_limited_providers(tmp_path: Path) -> None:
    roles = read(
        tmp_path,
        HEAD.format(agent="api", model="anthropic:m")
        + "providers: {openrouter: {concurrency: 5}, anthropic: {}}\npools: {night: 2}\n",
    )
    assert roles.all_pools() == {"bridle_openrouter": 5, "night": 2}


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    import os

    assert read(tmp_path, HEAD.format(agent="api", model="anthropic:m")).get("a").model == "anthropic:m"
    path = tmp_path / "roles.yaml"
    path.write_text(HEAD.format(agent="api", model="anthropic:n"))
    os.utime(path, ns=(1, 1))
    assert Roles.read(path).get("a").model == "anthropic:n"
