"""API descriptions (OpenAPI 3, Swagger 2): one document per operation and per schema."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from steep.documents.cleaning.clean import hold
from steep.documents.files.entry import Entry
from steep.documents.formats import Fault, Piece

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def read_yaml(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the documents of an API description in YAML; other YAML is text as it stands."""
    text = entry.text()
    if not ("openapi:" in text[:4096] or "swagger:" in text[:4096]):
        yield Piece(hold(text))
        return
    yaml: Any = importlib.import_module("yaml")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        yield Fault("unreadable file", f"is not valid YAML ({said}); fix it")
        return
    yield from read_api(value)


def is_api(value: Any) -> bool:
    """True for a parsed OpenAPI or Swagger description."""
    return (
        isinstance(value, Mapping)
        and ("openapi" in value or "swagger" in value)
        and isinstance(value.get("paths"), Mapping)
    )


def read_api(value: Any) -> Iterator[Piece | Fault]:
    """Yield one piece per operation ("GET /pets") and per schema of a description."""
    if not is_api(value):
        yield Fault("empty", "has no paths; leave it out")
        return
    about = _mapping(value.get("info"))
    api = _text(about.get("title")) or "API"
    if described := _text(about.get("description")):
        yield Piece(f"{api}\n\n{described}", api)
    for path, item in value["paths"].items():
        shared = _list(_mapping(item).get("parameters"))
        for method in _METHODS:
            operation = _mapping(item).get(method)
            if isinstance(operation, Mapping):
                yield _operation(value, api, f"{method.upper()} {path}", operation, shared)
    schemas = _mapping(_mapping(value.get("components")).get("schemas"))
    for name, schema in {**schemas, **_mapping(value.get("definitions"))}.items():
        blocks = [
            f"{name} (a schema of {api}). {_text(_mapping(schema).get('description'))}".strip()
        ]
        blocks.append("\n".join(_properties(value, _mapping(schema))))
        yield Piece("\n\n".join(b for b in blocks if b), f"{api}: {name}", f"schema {name}")


def _operation(
    whole: Any, api: str, name: str, operation: Mapping[str, Any], shared: list[Any]
) -> Piece:
    summary = _text(operation.get("summary"))
    blocks = [f"{name} ({api}): {summary}" if summary else f"{name} ({api})"]
    blocks.append(_text(operation.get("description")))
    lines = []
    for parameter in [*shared, *_list(operation.get("parameters"))]:
        said = _resolved(whole, parameter)
        kind = _type(whole, said.get("schema") or said)
        needed = "required" if said.get("required") else "optional"
        about = _text(said.get("description"))
        lines.append(
            f"- {said.get('name')} (in {said.get('in')}, {kind}, {needed}): {about}".rstrip(": ")
        )
    blocks.append("\n".join(["Parameters:", *lines]) if lines else "")
    content = _mapping(_resolved(whole, operation.get("requestBody")).get("content"))
    for media, body in content.items():
        fields = _properties(whole, _resolved(whole, _mapping(body).get("schema")))
        blocks.append(
            "\n".join(
                [f"Request body ({media}): {_type(whole, _mapping(body).get('schema'))}", *fields]
            )
        )
    answers = [
        f"- {code}: {_text(_resolved(whole, answer).get('description'))}"
        for code, answer in _mapping(operation.get("responses")).items()
    ]
    blocks.append("\n".join(["Responses:", *answers]) if answers else "")
    title = f"{name}: {summary}" if summary else name
    return Piece("\n\n".join(b for b in blocks if b), title, name)


def _properties(whole: Any, schema: Mapping[str, Any]) -> list[str]:
    needed = _list(schema.get("required"))
    return [
        f"- {name} ({_type(whole, one)}{', required' if name in needed else ''}):"
        f" {_text(_resolved(whole, one).get('description'))}".rstrip(": ")
        for name, one in _mapping(schema.get("properties")).items()
    ]


def _type(whole: Any, schema: Any) -> str:
    """A schema's type in a word; a reference by its name."""
    if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        return str(schema["$ref"]).rpartition("/")[2]
    said = _mapping(schema)
    kind = said.get("type") or ("object" if "properties" in said else "any")
    if kind == "array":
        return f"list of {_type(whole, said.get('items'))}"
    choices = _list(said.get("enum"))
    return f"one of {', '.join(map(str, choices[:20]))}" if choices else str(kind)


def _resolved(whole: Any, value: Any) -> Mapping[str, Any]:
    """What a reference within the file refers to (one step), else the value."""
    reference = _mapping(value).get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return _mapping(value)
    found = whole
    for key in reference[2:].split("/"):
        found = _mapping(found).get(key.replace("~1", "/").replace("~0", "~"))
    return _mapping(found)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def read_api_json(text: str) -> Iterator[Piece | Fault] | None:
    """The documents of an API description in JSON; None if it isn't one."""
    if '"openapi"' not in text[:4096] and '"swagger"' not in text[:4096]:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read_api(value) if is_api(value) else None
