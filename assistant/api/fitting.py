"""An answer as JSON of a client's own schema: what the schema names is taken from the answer's data, and nothing else.

A property is the field of that name; where an object has none, its parts `item`, `verdict`, `attributes` and `garment`
are looked into, so that a piece has `sku` and `reason`. What does not fit the schema is an error, never made up.
"""

from __future__ import annotations

import json
from typing import Any

from assistant.api.errors import ApiError

_PARAM = "response_format.json_schema.schema"
_MOST_CHARS = 50_000
_MOST_DEPTH = 20
_PARTS = ("item", "verdict", "attributes", "garment")
# What the projection below understands. Patterns are refused: a stranger's regular expression can take for ever. So are
# choices between schemas other than "this or null": trying all of them, at every level, can too.
_KNOWN = frozenset(
    "$schema $defs definitions $ref title description default examples type properties required additionalProperties "
    "items enum const anyOf oneOf minItems maxItems minLength maxLength minimum maximum exclusiveMinimum "
    "exclusiveMaximum format propertyOrdering deprecated readOnly $comment".split()
)
_NOTHING = object()


def check(schema: dict[str, Any]) -> None:
    """Raises ApiError for a schema that is none, too large, or uses a keyword that is not supported."""
    try:
        size = len(json.dumps(schema))
    except (RecursionError, ValueError) as error:
        raise _refused("it is nested too deeply") from error
    if size > _MOST_CHARS:
        raise _refused(f"it has {size} characters: at most {_MOST_CHARS} are accepted")
    _walk(schema, schema, 0)
    from jsonschema import Draft202012Validator, SchemaError  # on use: the import takes longer than the API's own

    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        raise _refused(f"it is no JSON schema: {str(getattr(error, 'message', 'nested too deeply'))[:200]}") from error
    if schema.get("type", "object") != "object":
        raise _refused("its type must be 'object'")


def fit(data: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The part of the data that the schema names. Raises ApiError where that does not meet the schema."""
    from jsonschema import Draft202012Validator, ValidationError

    fitted = _project(data, schema, schema, 0)
    try:
        Draft202012Validator(schema).validate(fitted)
    except ValidationError as error:
        place = "/".join(str(step) for step in error.absolute_path) or "the answer"
        raise ApiError(
            f"The answer cannot be told in this schema: at {place} it does not meet {error.validator!r}. Fields that "
            f"there are: {', '.join(sorted(data))}.",
            code="schema_not_met",
            param=_PARAM,
        ) from error
    return fitted


def _project(value: Any, schema: Any, root: dict[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _MOST_DEPTH or value is None:
        return value
    schema = _resolved(schema, root)
    if branch := _wanted(schema):
        return _project(value, branch, root, depth + 1)
    match value:
        case dict() if "properties" in schema:
            found = {name: _field(value, name) for name in schema["properties"]}
            return {
                name: _project(one, schema["properties"][name], root, depth + 1)
                for name, one in found.items()
                if one is not _NOTHING
            }
        case list():
            most = schema.get("maxItems", len(value))
            return [_project(one, schema.get("items", True), root, depth + 1) for one in value[:most]]
        case str() if "number" in _types(schema):  # prices are decimal texts in the data
            try:
                return value if "string" in _types(schema) else float(value)
            except ValueError:
                return value
        case _:
            return value


def _types(schema: dict[str, Any]) -> list[Any]:
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def _wanted(schema: dict[str, Any]) -> dict[str, Any] | None:
    """What "this or null" is when it is not null."""
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if branch != {"type": "null"}:
            return branch
    return None


def _field(value: dict[str, Any], name: str) -> Any:
    if name in value:
        return value[name]
    for part in _PARTS:
        inner = value.get(part)
        if isinstance(inner, dict) and (found := _field(inner, name)) is not _NOTHING:
            return found
    return _NOTHING


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    for _ in range(_MOST_DEPTH):
        if "$ref" not in schema:
            return schema
        target: Any = root
        for step in filter(None, str(schema["$ref"]).removeprefix("#").split("/")):
            target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise _refused(f"the reference {str(schema['$ref'])[:60]!r} leads nowhere")
        schema = {**{name: one for name, one in schema.items() if name != "$ref"}, **target}
    raise _refused("its references go round in a circle")


def _walk(schema: Any, root: dict[str, Any], depth: int) -> None:
    """Keywords of a schema and of the schemas in it, all known; references into the schema itself only."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise _refused("every schema in it must be a JSON object")
    if depth > _MOST_DEPTH:
        raise _refused(f"it is nested too deeply: at most {_MOST_DEPTH} levels are accepted")
    unknown = sorted(set(schema) - _KNOWN)
    if unknown:
        raise _refused(f"the keyword {unknown[0][:40]!r} is not supported")
    if "$ref" in schema:
        if not str(schema["$ref"]).startswith("#/"):
            raise _refused("references outside the schema are not opened")
        _resolved(schema, root)
    branches = [branch for name in ("anyOf", "oneOf") for branch in _listed(schema.get(name))]
    if sum(branch != {"type": "null"} for branch in branches) > 1:
        raise _refused("of a choice (anyOf, oneOf) only 'this or null' is supported")
    inner = [one for name in ("properties", "$defs", "definitions") for one in _values(schema.get(name))]
    inner += branches + [schema[name] for name in ("items", "additionalProperties") if name in schema]
    for one in inner:
        _walk(one, root, depth + 1)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _values(mapping: Any) -> list[Any]:
    return list(mapping.values()) if isinstance(mapping, dict) else []


def _refused(message: str) -> ApiError:
    return ApiError(f"'{_PARAM}': {message}.", code="invalid_schema", param=_PARAM)
