from bridle.process.environment import child_environment


def test_nothing_is_inherited_that_is_not_on_the_list(tmp_path, monkeypatch):
    for name in (
        "AIRFLOW_CONN_X",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "ANTHROPIC_API_KEY",
        "LD_PRELOAD",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, "secret")
    environment = child_environment(tmp_path / "home")
    assert "secret" not in environment.values()


def test_home_and_all_that_follows_from_it_is_private(tmp_path):
    home = tmp_path / "home"
    environment = child_environment(home)
    for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        assert environment[name].startswith(str(home))
    assert home.stat().st_mode & 0o077 == 0


def test_variables_of_the_repository_are_added(tmp_path):
    assert child_environment(tmp_path, {"DJANGO_SETTINGS_MODULE": "x"})["DJANGO_SETTINGS_MODULE"] == "x"
