"""A JSON schema as OpenAI's strict mode wants it: every field named and required, nothing else allowed."""

from typing import Any

_LEFT_OUT = frozenset({"default", "title", "examples", "properties", "$defs"})


def strict(schema: dict[str, Any]) -> dict[str, Any] | None:
    """`schema` made strict: what fits it fits `schema` too. None when that cannot be, for an open mapping."""
    try:
        strict: dict[str, Any] = _strict(schema)
    except _OpenMapping:
        return None
    return strict


class _OpenMapping(Exception):
    pass


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(part) for name, part in schema.items() if name not in _LEFT_OUT}
    for names in ("properties", "$defs"):  # whose keys are names, not keywords
        if names in schema:
            made[names] = {name: _strict(part) for name, part in schema[names].items()}
    if schema.get("type") == "object":
        if not schema.get("properties"):
            raise _OpenMapping
        made |= {"required": list(schema["properties"]), "additionalProperties": False}
    return made
