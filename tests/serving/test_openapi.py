"""The OpenAPI document: complete, valid, and merged where two APIs share a path."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from starlette.routing import Route

from csanmt.glossary import MAX_TERM
from serving import openapi
from serving.apis.deepl.translate import MODEL_TYPES, RESOURCES
from serving.apis.desktop import PATHS
from serving.apis.libretranslate.routes import MAX_SUGGESTION
from serving.apis.native.schemas import MAX_LENGTH_PENALTY, TranslateRequest
from serving.glossaries.owner import INLINE_TERMS
from serving.glossaries.store import MAX_NAME
from serving.openapi.document import openapi_document
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

UNDOCUMENTED = {"/openapi.json", "/docs"}
JSON = "application/json"


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def routes(asgi) -> list[Route]:
    """The routes below all the layers."""
    while not hasattr(asgi, "routes"):
        asgi = asgi._app
    return asgi.routes


def test_every_route_is_documented_with_its_methods_and_no_other(serve):
    served = serve(openai=True)
    document = served.client.get("/openapi.json").json()
    there = {
        (route.path, method.lower())
        for route in routes(served.application.asgi)
        for method in route.methods - {"HEAD"}
    }
    said = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert said == {(path, method) for path, method in there if path not in UNDOCUMENTED}


def test_schemas_are_valid_and_operations_have_names_of_their_own(served):
    document = served.client.get("/openapi.json").json()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    operations = [o for methods in document["paths"].values() for o in methods.values()]
    identities = [o["operationId"] for o in operations]
    assert len(set(identities)) == len(identities)
    assert all(
        o["tags"] and o["summary"] and min(o["responses"]) in ("200", "201", "202", "204")
        for o in operations
    )


def test_shared_path_takes_and_answers_what_either_api_does(served):
    document = served.client.get("/openapi.json").json()
    post = document["paths"]["/translate"]["post"]
    content = post["requestBody"]["content"]
    (ours, *desktop, libre) = content["application/json"]["schema"]["anyOf"]
    assert [ours, libre] == [reference("TranslateRequest"), reference("LibreTranslateRequest")]
    assert [set(schema["required"]) for schema in desktop] == [
        {"text", "target_lang"},
        {"text", "to"},
        {"text_list", "target_lang"},
        {"texts", "to"},
    ]
    form = content["application/x-www-form-urlencoded"]["schema"]
    assert form == reference("LibreTranslateForm")
    assert post["requestBody"]["required"] is True
    assert {"400", "413", "415", "422", "429", "503", "504"} <= set(post["responses"])


def test_keys_are_optional_in_the_document_only_where_they_are(serve, tmp_path):
    optional = serve().client.get("/openapi.json").json()["security"]
    required = serve(api_keys_file=str(tmp_path)).client.get("/openapi.json").json()["security"]
    assert {} in optional
    assert required == [{"bearer": []}, {"header": []}]


def test_docs_page_shows_every_group_and_operation(served):
    page = served.client.get("/docs").text
    for words in (
        "LibreTranslate",
        "DeepL",
        "Apertium",
        "POST /kiss",
        "POST /v2/translate",
        "GET /translate",
    ):
        assert words in page


PART = """
x-group: Mine
x-error: {$ref: '#/components/schemas/Wrong'}
x-words: {404: Not here.}
paths:
  /a:
    post:
      operationId: a
      summary: !text "At most {max_texts}, {{that}} is all."
      requestBody:
        required: true
        content:
          application/json: &both
            schema:
              type: object
              required: [q]
              properties: {q: {type: string}, n: {type: integer, maximum: !value max_texts}}
          application/x-www-form-urlencoded: *both
      responses:
        200: {description: It.}
        503: {description: Not yet.}
      x-errors: [400, 404]
schemas: {Wrong: {type: string}}
"""
FACTS = TranslatorFacts("m:v1.0.0", "stub")


@pytest.fixture
def part(tmp_path):
    file = tmp_path / "openapi.yaml"
    file.write_text(PART)
    return file


def test_a_part_is_completed(part):
    document = openapi_document(Settings(model="m:v1.0.0", max_texts=7), FACTS, [part])
    post = document["paths"]["/a"]["post"]
    assert (post["tags"], post["summary"]) == (["Mine"], "At most 7, {that} is all.")
    content = post["requestBody"]["content"]
    number = {"type": "integer", "maximum": 7}
    assert content["application/x-www-form-urlencoded"]["schema"]["properties"] == {
        "q": {"type": "string"},
        "n": number,
    }
    assert content[JSON]["schema"]["properties"] == {
        "q": {"type": "string"},
        "n": {"anyOf": [number, {"type": "null"}]},
    }
    wrong = {JSON: {"schema": reference("Wrong")}}
    answers = {s: (r["description"], r.get("content")) for s, r in post["responses"].items()}
    assert answers == {
        "200": ("It.", None),
        "400": (
            "The body is not valid UTF-8 or JSON, is nested too deep, or repeats a key.",
            wrong,
        ),
        "404": ("Not here.", wrong),
        "503": ("Not yet.", wrong),
    }
    assert answers["400"][0].startswith("The body is not valid UTF-8")
    for answer in post["responses"].values():
        assert set(answer["headers"]) == {"X-Request-ID", "X-Model-Version"}
    assert not [key for key in post if key.startswith("x-")]


def test_no_two_parts_describe_the_same():
    root = Path(openapi.__file__).parent.parent
    parts = [yaml.load(file.read_text(), Tolerant) for file in root.rglob("*.yaml")]
    described = [part for part in parts if "x-group" in part]
    operations = [(p, m) for part in described for p, ms in part["paths"].items() for m in ms]
    schemas = [name for part in described for name in part.get("schemas", {})]
    assert len(described) > 6
    assert len(set(operations)) == len(operations)
    assert len(set(schemas)) == len(schemas)


class Tolerant(yaml.SafeLoader):
    """Takes the tags of our own for nothing."""


Tolerant.add_multi_constructor("!", lambda loader, suffix, node: None)


def test_written_limits_are_those_of_the_code(served):
    document = served.client.get("/openapi.json").json()

    def fields(path, method="post", media=JSON):
        schema = document["paths"][path][method]["requestBody"]["content"][media]["schema"]
        return schema["properties"]

    suggested = fields("/suggest", media="multipart/form-data")
    assert {suggested[name]["maxLength"] for name in ("q", "s")} == {MAX_SUGGESTION}
    form = fields("/v2/translate", media="application/x-www-form-urlencoded")
    assert form["model_type"]["enum"] == [*MODEL_TYPES, ""]
    (resource,) = document["paths"]["/v3/languages"]["get"]["parameters"]
    assert resource["schema"]["enum"] == list(RESOURCES)
    assert fields("/v2/glossaries")["name"]["maxLength"] == MAX_NAME
    schemas = document["components"]["schemas"]
    kept = schemas["GlossaryRequest"]["properties"]
    assert kept["name"]["maxLength"] == MAX_NAME
    assert kept["terms"]["propertyNames"]["maxLength"] == MAX_TERM
    asked = schemas["TranslateRequest"]["properties"]
    assert asked.keys() == schemas["StreamRequest"]["properties"].keys()
    assert asked.keys() == TranslateRequest.model_fields.keys()
    assert asked["glossary"]["anyOf"][1]["maxProperties"] == INLINE_TERMS
    assert asked["length_penalty"]["maximum"] == MAX_LENGTH_PENALTY
    assert asked["format"]["enum"] == ["text", "html", "xml", "markdown", None]


@pytest.mark.parametrize("path", PATHS)
def test_dialects_of_desktop_programs_are_described_as_they_are(served, path):
    post = served.client.get("/openapi.json").json()["paths"][path]["post"]

    def branches(content, key):
        schema = content["application/json"]["schema"]
        return [set(s[key]) for s in schema.get("anyOf", [schema]) if key in s]

    asked = branches(post["requestBody"]["content"], "properties")
    answered = branches(post["responses"]["200"]["content"], "required")
    for dialect in PATHS[path]:
        assert dialect.fields in asked
        assert dialect.answered([("", [], "")], "").keys() in answered
    assert len(asked) == len(PATHS[path])


def test_wrong_method_is_told_all_methods_of_the_path(served):
    answer = served.client.put("/documents/none")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"
