"""The OpenAPI document: the YAML of each API, completed and joined.

An API's ``openapi.yaml`` has paths and schemas as they stand in the document, but for what is
the same wherever it occurs:

* ``!value NAME`` and ``!text "… {NAME} …"`` stand for limits and facts (see ``limits_and_facts``);
* ``x-errors`` of an operation are the statuses of its errors. Their words are ``x-words`` of the
  file or else those of ``common.yaml``, their body has the schema ``x-error`` of the operation or
  else of the file; so do errors that an operation tells in words of its own;
* every answer has the headers of ``common.yaml``, an operation without tags the ``x-group``;
* null in a JSON body stands for a field that is not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from csanmt.documents.formats import FORMATS, SUFFIXES
from csanmt.documents.leftovers import PARTS
from csanmt.glossary import TERM_PATTERN
from csanmt.protected.finder import LONGEST_LITERAL, MOST_LITERALS
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

Schema = dict[str, Any]
HERE = Path(__file__).parent
JSON = "application/json"


def openapi_document(
    settings: Settings, facts: TranslatorFacts, parts: Iterable[Path]
) -> dict[str, Any]:
    """OpenAPI 3.1 for the service as configured, of the files of its APIs."""
    values = limits_and_facts(settings, facts)
    document = read_yaml(HERE / "common.yaml", values)
    words, components = document.pop("x-words"), document["components"]
    keys: list[dict[str, list[str]]] = [{name: []} for name in components["securitySchemes"]]
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in components["headers"]}
    paths: dict[str, dict[str, Any]] = {}
    for part in parts:
        read = read_yaml(part, values)
        read["x-words"] = words | read.get("x-words", {})
        for path, methods in read["paths"].items():
            completed = {name: _completed(o, read, headers) for name, o in methods.items()}
            paths.setdefault(path, {}).update(completed)
        components["schemas"].update(read.get("schemas", {}))
    return document | {
        "paths": paths,
        "security": keys if settings.api_keys_file else [{}, *keys],
    }


def _completed(
    operation: Mapping[str, Any], part: Mapping[str, Any], headers: Schema
) -> dict[str, Any]:
    """The operation as it stands in the document."""
    out = {"tags": [part["x-group"]], **operation}
    schema = out.pop("x-error", part["x-error"])
    told: dict[int, Schema] = {status: {} for status in out.pop("x-errors", ())}
    error = {"content": {JSON: {"schema": schema}}}
    out["responses"] = {
        str(status): {"description": part["x-words"].get(status)}
        | (error if status >= 400 else {})
        | answer
        | {"headers": headers}
        for status, answer in sorted((told | operation["responses"]).items())
    }
    if JSON in (content := out.get("requestBody", {}).get("content", {})):
        asked = content[JSON] | {"schema": nullable(content[JSON]["schema"])}
        out["requestBody"] = out["requestBody"] | {"content": content | {JSON: asked}}
    return out


def nullable(schema: Schema) -> Schema:
    """The same object or objects, where null stands for a field that is not given."""
    if "anyOf" in schema and "properties" not in schema:
        return schema | {"anyOf": [nullable(branch) for branch in schema["anyOf"]]}
    optional = schema.get("properties", {}).keys() - set(schema.get("required", ()))
    if not optional:
        return schema
    properties = {
        name: {"anyOf": [field, {"type": "null"}]} if name in optional else field
        for name, field in schema["properties"].items()
    }
    return schema | {"properties": properties}


def limits_and_facts(settings: Settings, facts: TranslatorFacts) -> dict[str, Any]:
    """What ``!value`` and ``!text`` may name."""
    source, target = facts.source_language, facts.target_language
    line = rf"[^\n]{{0,{LONGEST_LITERAL}}}"
    file: Schema = {"type": "string", "format": "binary"}
    return {
        "source": source,
        "target": target,
        "source_upper": source.upper(),
        "pair": f"{source}|{target}",
        "deepl_targets": ["EN", "EN-GB", "EN-US"] if target == "en" else [target.upper()],
        "max_texts": settings.max_texts,
        "max_characters": settings.max_characters,
        "max_beam": settings.max_beam,
        "max_alternatives": settings.max_beam - 1,
        "max_length": settings.max_length,
        "memory_modes": ["off", "exact", "fuzzy", None] if settings.memory_file else ["off", None],
        "longest_literal": LONGEST_LITERAL,
        "most_literals": MOST_LITERALS,
        "term_pattern": TERM_PATTERN,
        "document_keep": f"{settings.document_keep:g}",
        "document_limits": f"Files ending in {', '.join(SUFFIXES)}; at most "
        f"{settings.max_document_bytes / (1 << 20):g} MiB and "
        f"{settings.max_document_characters} characters of text.",
        "document_parts": list(PARTS),
        "document_content": {
            known.media_type.partition(";")[0]: {"schema": file} for known in FORMATS
        },
        "literals": rf"^(?:{line}\n){{0,{MOST_LITERALS - 1}}}{line}$",
    }


class _Loader(yaml.CSafeLoader):
    values: Mapping[str, Any]


def _value(loader: Any, node: yaml.ScalarNode) -> Any:
    return loader.values[node.value]


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(node.value.format_map(loader.values))


_Loader.add_constructor("!value", _value)
_Loader.add_constructor("!text", _text)


def read_yaml(file: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The file, with ``values`` where it names them."""
    loader = _Loader(file.read_text("utf-8"))
    loader.values = values
    try:
        read: dict[str, Any] = loader.get_single_data()
        return read
    finally:
        loader.dispose()
