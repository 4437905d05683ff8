"""What pieces of the OpenAPI document are made of: operations, bodies, answers, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from csanmt.documents.formats import FORMATS, SUFFIXES
from serving.http.fields import MULTIPART
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

Schema = dict[str, Any]
JSON = "application/json"
REFERENCE = "#/components/schemas/{model}"
TEXT: Schema = {"type": "string"}
OBJECT: Schema = {"type": "object"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FILE: Schema = {"type": "string", "format": "binary"}

PROBLEMS = {
    "400": "The body is not valid UTF-8 or JSON, is nested too deep, or repeats a key.",
    "401": "An API key is required, and none that is known was given.",
    "403": "The API key lacks the scope, or keys are off and the caller is not on this machine.",
    "404": "There is no such thing.",
    "413": "Too many bytes, characters, texts or sentences.",
    "415": "The content type is not one that this path reads.",
    "422": "A field is missing, unknown, of the wrong type or out of range.",
    "429": "The queue is full or the caller's allowance is used up; see Retry-After.",
    "503": "No runner is available; see Retry-After.",
    "504": "Not finished within the time a request may take.",
}
# What any request that needs a key may be told, and what a translation may meet on its way.
ACCESS = ("401", "403", "429")
TRANSLATING = ("413", "429", "503", "504")


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of the document that one module answers for.

    Attributes:
        paths: path, then method in lower case, to an operation (see ``operation``).
        schemas: by the names that ``reference`` is given.
    """

    paths: Mapping[str, Mapping[str, Any]]
    schemas: Mapping[str, Schema] = field(default_factory=dict)


# The settings' limits and the model's languages are part of what is described.
Describe = Callable[[Settings, TranslatorFacts], Piece]


def operation(
    identity: str,
    summary: str,
    responses: Mapping[str, Any],
    *,
    group: str,
    description: str = "",
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, Schema] | None = None,
    required: Iterable[str] = (),
    public: bool = False,
) -> dict[str, Any]:
    """One method of one path.

    Args:
        group: heading under which the documentation shows it.
        body: as ``request_body`` makes it.
        query: parameters and their schemas; those in ``required`` must be given.
        public: needs no key.
    """
    needed = frozenset(required)
    out: dict[str, Any] = {"operationId": identity, "summary": summary, "tags": [group]}
    if description:
        out["description"] = description
    if query:
        out["parameters"] = [
            {"name": name, "in": "query", "required": name in needed, "schema": schema}
            for name, schema in query.items()
        ]
    if body:
        out["requestBody"] = dict(body)
    out["responses"] = dict(responses)
    return out | ({"security": []} if public else {})


def request_body(
    schemas: Mapping[str, Schema], *, example: Any = None, required: bool = True
) -> dict[str, Any]:
    """A body by media type; ``example`` stands with each."""
    content = {
        media: {"schema": schema} | ({} if example is None else {"example": example})
        for media, schema in schemas.items()
    }
    return {"required": required, "content": content}


def answer(
    description: str, schema: Schema = OBJECT, *, media: str = JSON, status: str = "200"
) -> dict[str, Any]:
    """``responses`` of one status, with the headers every answer carries."""
    return {
        status: {
            "description": description,
            "headers": header_references(),
            "content": {media: {"schema": schema}},
        }
    }


def problems(statuses: Iterable[str], schema: Schema | None = None, **words: str) -> dict[str, Any]:
    """``responses`` of errors.

    Args:
        schema: of the body; our own ``{"error": {"code", "message"}}`` by default.
        words: for a status whose meaning here is narrower: ``_403="Suggestions are off."``
    """
    said = PROBLEMS | {status.lstrip("_"): text for status, text in words.items()}
    out: dict[str, Any] = {}
    for status in statuses:
        out |= answer(said[status], schema or reference("Error"), status=status)
    return out


def reference(name: str) -> Schema:
    return {"$ref": REFERENCE.format(model=name)}


def either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these fields; others may stand in it."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def nullable(fields: Schema) -> Schema:
    """The same object in JSON, where null stands for a field that is not given."""
    null: Schema = {"type": "null"}
    optional = fields["properties"].keys() - set(fields["required"])
    properties = {
        name: either(schema, null) if name in optional else schema
        for name, schema in fields["properties"].items()
    }
    return fields | {"properties": properties}


def headers() -> dict[str, Any]:
    return {
        "X-Request-ID": {"description": "The id sent, or a new one.", "schema": TEXT},
        "X-Model-Version": {"description": "The model version that answers.", "schema": TEXT},
    }


def header_references() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers()}


def upload_body(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> dict[str, Any]:
    """A multipart form with a document in ``file``."""
    return request_body({MULTIPART: record({"file": FILE, **required}, optional)})


def document_answer() -> dict[str, Any]:
    """``responses`` with a translated document."""
    kinds = [known.media_type.partition(";")[0] for known in FORMATS]
    described = answer("The file, in the format it came in.", FILE)
    described["200"]["content"] = {kind: {"schema": FILE} for kind in kinds}
    return described


def document_limits(settings: Settings) -> str:
    megabytes = settings.max_document_bytes / (1 << 20)
    return (
        f"Files ending in {', '.join(SUFFIXES)}; at most {megabytes:g} MiB and "
        f"{settings.max_document_characters} characters of text."
    )


DOCUMENT_WORDS = {
    "_404": "There is no such document, or it is no longer kept.",
    "_409": "It is not translated yet.",
    "_500": "It could not be translated.",
    "_504": "It took too long.",
}
DOCUMENTS_OFF = {"_403": "The key lacks the scope, or documents are off."}
