"""What OpenAI's strict mode demands of a schema, made of any."""

from typing import Any

from pydantic import BaseModel, Field

from bridle.agents.ending import invalid
from bridle.agents.strict import strict
from bridle.models import Classification


class Part(BaseModel):
    name: str = "unknown"
    title: str | None = None


class Whole(BaseModel):
    parts: list[Part] = Field(default_factory=list)
    default: Part = Part()


def objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for part in schema for found in objects(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for part in schema.values() for found in objects(part)]


def test_every_field_is_required_and_no_other_is_allowed() -> None:
    made = strict(Whole.model_json_schema())
    assert made is not None
    for found in objects(made):
        assert found["required"] == list(found["properties"])
        assert found["additionalProperties"] is False
    # `default` and `title` are keywords that it does not want, and names that fields may have
    assert set(made["properties"]) == {"parts", "default"}
    assert set(made["$defs"]["Part"]["properties"]) == {"name", "title"}
    assert "default" not in made["$defs"]["Part"]["properties"]["name"]


def test_what_fits_the_strict_schema_fits_the_users() -> None:
    full = {"parts": [{"name": "a", "title": None}], "default": {"name": "b", "title": "c"}}
    made = strict(Whole.model_json_schema())
    assert made is not None
    assert invalid(made, full) is None
    assert invalid(Whole.model_json_schema(), full) is None
    assert invalid(made, {"parts": []}) is not None


def test_an_open_mapping_cannot_be_strict() -> None:
    assert strict({"type": "object", "properties": {"any": {"type": "object"}}}) is None
    assert strict(Classification.model_json_schema()) is not None
