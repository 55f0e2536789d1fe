"""The section `providers:` of roles.yaml, and full names of models."""

from decimal import Decimal
from pathlib import Path

import pytest

from bridle.config.roles import Roles
from bridle.errors import ConfigError

ROLE = "roles:\n  r: {agent: api, model: ours:m}\n"


def read(folder: Path, text: str) -> Roles:
    path = folder / "roles.yaml"
    path.write_text(text)
    return Roles.read(path)


def test_it_says_where_a_provider_is_how_much_it_takes_and_what_it_costs(tmp_path: Path) -> None:
    ours = read(
        tmp_path,
        ROLE
        + "providers:\n  ours: {base_url: http://x.example/v1, dialects: [openai-chat], concurrency: 5,\n"
        + "    prices: {m: {input_mtok: 0.5, output_mtok: 1.5, cache_read_mtok: 0.05}}}\n",
    ).providers["ours"]
    assert (ours.base_url, ours.dialects, ours.concurrency) == ("http://x.example/v1", ("openai-chat",), 5)
    assert ours.prices["m"].cache_read_mtok == Decimal("0.05")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("  ours: {concurrency: 0}", ":4: providers.ours.concurrency"),
        ("  ours: {dialects: [smoke]}", ":4: providers.ours.dialects"),
        ("  ours: {prices: {m: {input_mtok: -1, output_mtok: 1}}}", ":4: providers.ours.prices.m.input_mtok"),
        ("  ours: {key: sk-1}", ":4: providers.ours.key"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"roles.yaml{said}"):
        read(tmp_path, f"{ROLE}providers:\n{section}\n")


@pytest.mark.parametrize("alias", ["sonnet", "opus", "Haiku", "default", "sonnet[1m]"])
def test_an_alias_is_no_models_name(tmp_path: Path, alias: str) -> None:
    """It means another model tomorrow, and the gateway would refuse it in mid-session."""
    with pytest.raises(ConfigError, match=r":2: roles.r.model: 'anthropic:.*is an alias.*full name"):
        read(tmp_path, f"roles:\n  r: {{agent: claude-code, model: 'anthropic:{alias}'}}\n")


def test_a_chain_of_two_dialects_is_refused_when_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"roles.yaml:2: roles.r"):
        read(
            tmp_path,
            "roles:\n  r: {agent: api, model: 'anthropic:claude-haiku-4-5', fallback: ['openai:gpt-5.5']}\n",
        )
