"""The OpenAPI document: complete, valid, and merged where two APIs share a path."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from serving.openapi.document import merge_paths, merge_schemas
from serving.openapi.parts import TEXT, Piece, answer, operation, reference, request_body

UNDOCUMENTED = {"/openapi.json", "/docs"}


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
        {"text", "target_lang"}, {"text", "to"}, {"text_list", "target_lang"}, {"texts", "to"},
    ]  # fmt: skip
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


def described(identity: str, media: str) -> Piece:
    body = request_body({media: TEXT})
    one = operation(identity, identity, answer(identity, reference(identity)), group="g", body=body)
    return Piece({"/a": {"post": one}}, {identity: TEXT})


def test_merged_operations_keep_both_bodies_and_both_answers():
    post = merge_paths([described("one", "x/1"), described("two", "x/2")])["/a"]["post"]
    assert post["operationId"] == "one"
    assert set(post["requestBody"]["content"]) == {"x/1", "x/2"}
    assert post["responses"]["200"]["description"] == "one two"
    schema = post["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"anyOf": [reference("one"), reference("two")]}


def test_parameter_of_one_api_alone_is_optional_where_they_share_a_path():
    plain = operation("plain", "plain", answer("it"), group="g")
    asking = operation("asks", "asks", answer("it"), group="g", query={"q": TEXT}, required="q")
    (parameter,) = merge_paths([Piece({"/a": {"get": plain}}), Piece({"/a": {"get": asking}})])[
        "/a"
    ]["get"]["parameters"]
    assert parameter["required"] is False


def test_one_name_for_two_schemas_is_an_error():
    with pytest.raises(ValueError, match="called same"):
        merge_schemas([Piece({}, {"same": TEXT}), Piece({}, {"same": {"type": "object"}})])


def test_wrong_method_is_told_all_methods_of_the_path(served):
    answer = served.client.put("/documents/none")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"


def test_parameters_of_a_path_are_described_even_if_its_piece_forgets_them():
    plain = operation("plain", "plain", answer("it"), group="g")
    described = merge_paths([Piece({"/a/{id}": {"get": plain}})])["/a/{id}"]["get"]
    assert described["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": TEXT}
    ]
