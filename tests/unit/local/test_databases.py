"""The user's own databases are used where they are given."""

import pytest

from bridle.local.databases import Databases, psycopg_url

OWN = "postgresql://me:p%40ss@db.example:6432/ledger?sslmode=require"


def test_nothing_given_means_both_are_embedded() -> None:
    assert Databases.given({}).embedded == ("airflow", "bridle")


def test_a_given_ledger_leaves_only_airflows_database_to_the_embedded_server() -> None:
    databases = Databases.given({"BRIDLE_LEDGER_URL": OWN})
    assert databases.embedded == ("airflow",)
    assert databases.ledger == psycopg_url(OWN)


def test_with_both_given_no_server_is_needed() -> None:
    env = {"BRIDLE_LEDGER_URL": OWN, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://a@b/c"}
    assert Databases.given(env).embedded == ()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_spelling_of_a_postgres_url_becomes_psycopg_3(scheme: str) -> None:
    url = psycopg_url(f"{scheme}://me:p%40ss@db.example:6432/ledger?sslmode=require")
    assert url == "postgresql+psycopg://me:p%40ss@db.example:6432/ledger?sslmode=require"
