"""What Airflow is told about this package."""

import dataclasses
import json
from importlib.resources import files

import jsonschema
import pytest

from bridle.config.settings import Settings
from bridle.provider_info import get_provider_info

OPTIONS = get_provider_info()["config"]["bridle"]["options"]
NOT_OPTIONS = {"secret_places"}  # follows from AIRFLOW_HOME


def test_it_has_the_form_that_airflow_asks_for() -> None:
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_its_options_are_the_settings_that_are_read() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert set(OPTIONS) == fields - NOT_OPTIONS


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option["default"]])
def test_the_default_that_it_names_is_the_one_in_force(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"AIRFLOW__BRIDLE__{name.upper()}", raising=False)
    value = getattr(Settings.load(), name)
    assert str(value) == OPTIONS[name]["default"] or float(value) == float(OPTIONS[name]["default"])
