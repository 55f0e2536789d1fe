"""The Airflow connection, as Airflow's own hook reads it."""

import json

import pytest

from bridle.errors import CredentialError
from bridle.forge import open_forge, remote_of
from bridle.testing.git_repository import GitRepository
from bridle.testing.github_server import TOKEN

NAME = "owner/sample"


def test_the_connection_gives_token_and_address(server, configured, monkeypatch):
    connection = {"conn_type": "github", "password": TOKEN, "host": server.api}
    monkeypatch.setenv("AIRFLOW_CONN_MY_GITHUB", json.dumps(connection))
    assert open_forge(configured).issue(7).title == "It is broken"
    assert remote_of(configured).url == f"{server.url}/{NAME}.git"


def test_a_missing_connection_is_named_with_what_to_do(tmp_path):
    repository = GitRepository(tmp_path / "u").configured(
        NAME, forge="github", issues=None, connection="not_there"
    )
    with pytest.raises(CredentialError, match=r"'not_there'.*github"):
        open_forge(repository)


def test_a_connection_without_a_token_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", json.dumps({"conn_type": "github"}))
    repository = GitRepository(tmp_path / "u").configured(
        NAME, forge="github", issues=None, connection="empty"
    )
    with pytest.raises(CredentialError, match="'empty'"):
        open_forge(repository)


def test_a_host_with_a_password_in_it_is_refused_and_not_told(tmp_path, monkeypatch):
    connection = {"conn_type": "github", "password": TOKEN, "host": "https://ada:secret@github.test/api/v3"}
    monkeypatch.setenv("AIRFLOW_CONN_TALKATIVE", json.dumps(connection))
    repository = GitRepository(tmp_path / "u").configured(
        NAME, forge="github", issues=None, connection="talkative"
    )
    with pytest.raises(CredentialError, match="'talkative': its host has a credential in it") as refused:
        open_forge(repository)
    assert "secret" not in str(refused.value)
