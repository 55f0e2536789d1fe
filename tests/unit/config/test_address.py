"""A credential in an address is refused wherever users can write one, and never told."""

import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridle.config.address import has_credential, without_credential
from bridle.config.repositories import Repositories
from bridle.config.roles import Roles
from bridle.errors import BridleError, ConfigError
from bridle.gateway.providers import from_connection
from bridle.workspace.remote import Remote

WITH = (
    "https://ghp_secret@github.com/a/b.git",
    "https://ada:secret@github.com/a/b.git",
    "http://:secret@127.0.0.1:8080/a",
    "HTTPS://x-access-token:secret@github.com/a/b",
    "ssh://git:secret@github.com/a/b.git",
    "https://secret@[::1]/a",
)
WITHOUT = (
    "https://github.com/a/b.git",
    "ssh://git@github.com/a/b.git",
    "git@github.com:a/b.git",
    "file:///srv/a@b.git",
    "/srv/a@b.git",
    "https://github.com/a@b",
    "owner/name",
    "http://[no-address",
    "",
)


@pytest.mark.parametrize("address", WITH)
def test_a_credential_is_seen_and_can_be_left_out(address: str) -> None:
    assert has_credential(address)
    plain = without_credential(address)
    assert "secret" not in plain
    assert plain.partition("://")[2].split("/")[0] in address


@pytest.mark.parametrize("address", WITHOUT)
def test_a_user_of_ssh_and_an_at_sign_elsewhere_are_no_credential(address: str) -> None:
    assert not has_credential(address)
    assert without_credential(address) == address


def everything_told(error: BridleError) -> str:
    """What a log has of an error: its causes, too."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("address", WITH)
def test_a_url_with_a_credential_in_repositories_yaml_is_refused_with_its_line(
    tmp_path: Path, address: str
) -> None:
    path = tmp_path / "repositories.yaml"
    path.write_text(f"repositories:\n  demo:\n    checks: {{t: 'true'}}\n    url: {address}\n")
    with pytest.raises(ConfigError, match=r"has a credential in it.*connection") as refused:
        Repositories.read(path)
    assert str(refused.value).startswith(f"{path}:4: repositories.demo.url: ")
    assert "secret" not in everything_told(refused.value)


@pytest.mark.parametrize("address", WITHOUT[:5])
def test_other_urls_in_repositories_yaml_are_taken(tmp_path: Path, address: str) -> None:
    path = tmp_path / "repositories.yaml"
    path.write_text(f"repositories:\n  demo:\n    checks: {{t: 'true'}}\n    url: {address}\n")
    assert Remote.of(Repositories.read(path).get("demo")).url == address


def test_a_name_with_a_credential_is_neither_taken_nor_told(tmp_path: Path) -> None:
    path = tmp_path / "repositories.yaml"
    path.write_text(f"repositories:\n  {WITH[0]}:\n    checks: {{t: 'true'}}\n")
    with pytest.raises(ConfigError, match="the name of a repository has a credential in it") as refused:
        Repositories.read(path)
    assert "secret" not in everything_told(refused.value)
    with pytest.raises(BridleError, match="has a credential in it") as unknown:
        Repositories().get(WITH[0])
    assert "secret" not in everything_told(unknown.value)


@pytest.mark.parametrize("given", [WITH[1], f"{{anthropic-messages: '{WITH[1]}'}}"])
def test_a_base_url_with_a_credential_in_roles_yaml_is_refused_with_its_line(
    tmp_path: Path, given: str
) -> None:
    path = tmp_path / "roles.yaml"
    role = "  r: {agent: api, model: 'mine:m'}"
    path.write_text(f"roles:\n{role}\nproviders:\n  mine:\n    base_url: {given}\n")
    with pytest.raises(ConfigError, match=r"base_url.*has a credential in it") as refused:
        Roles.read(path)
    assert str(refused.value).startswith(f"{path}:5: ")
    assert "secret" not in everything_told(refused.value)


@pytest.mark.parametrize(
    ("host", "extra"),
    [
        ("https://ada:secret@models.example", {}),
        ("ada:secret@models.example", {}),
        ("", {"base_urls": {"openai-chat": "https://secret@models.example"}}),
        ("", {"headrs": {"authorization": "secret"}}),
    ],
    ids=["host", "host without scheme", "base_urls", "misspelt headers"],
)
def test_what_a_connection_of_a_model_has_in_the_wrong_place_is_not_told(
    host: str, extra: dict[str, object]
) -> None:
    connection = SimpleNamespace(
        conn_id="mine",
        conn_type="bridle_model",
        host=host,
        schema="",
        port=None,
        password="key",
        extra_dejson=extra,
    )
    with pytest.raises(ConfigError, match=r"connection mine: its (address|extra)") as refused:
        from_connection(connection, "mine")
    assert "secret" not in everything_told(refused.value)
