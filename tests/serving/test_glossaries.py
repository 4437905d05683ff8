"""Glossaries over HTTP, with the shipped model: deepl's own client, and our own routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import deepl
import httpx
import pytest
from deepl.api_data import MultilingualGlossaryDictionaryEntries

from csanmt.errors import InvalidInputError, NotFoundError, StorageError
from csanmt.glossary import checked, overlaps, parse_entries
from serving.glossaries.store import GlossaryStore
from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.serving.conftest import Served
from tests.serving.live_application import Live
from tests.serving.shipped import ask, live_shipped

TERMS = {"上海": "Shanghai", "苹果": "pome"}
ZH_EN = ("zh", "en")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    path = tmp_path_factory.mktemp("glossaries") / "glossaries.sqlite"
    keys = KeyRing((ApiKey("one", hash_key("key-one")), ApiKey("two", hash_key("key-two"))))
    with live_shipped(keys, glossaries_file=str(path)) as server:
        yield server


@pytest.fixture
def client(live: Live, no_proxy: None) -> deepl.DeepLClient:
    return deepl.DeepLClient("key-one", server_url=live.url)


def test_deepls_client_drives_glossaries_of_one_direction(client: deepl.DeepLClient) -> None:
    (pair,) = client.get_glossary_languages()
    assert (pair.source_lang, pair.target_lang) == ("zh", "en")
    made = client.create_glossary("cities", source_lang="ZH", target_lang="EN-US", entries=TERMS)
    assert (made.source_lang, made.target_lang, made.entry_count) == ("ZH", "EN", 2)
    assert client.get_glossary(made.glossary_id).name == "cities"
    assert client.get_glossary_entries(made) == TERMS
    assert made.glossary_id in {g.glossary_id for g in client.list_glossaries()}
    text = ask(client, "我住在上海。", glossary=made)
    assert text == "I live in Shanghai."
    html = ask(client, "我住在<b>上海</b>。", glossary=made, tag_handling="html")
    assert html == "I live in <b>Shanghai</b>."
    client.delete_glossary(made)
    with pytest.raises(deepl.GlossaryNotFoundException):
        client.get_glossary(made.glossary_id)
    with pytest.raises(deepl.DeepLException, match="not found"):
        ask(client, "我住在上海。", glossary=made)


def test_deepls_client_drives_glossaries_of_several_directions(client: deepl.DeepLClient) -> None:
    def entries(source: str, target: str, terms: dict[str, str]) -> object:
        return MultilingualGlossaryDictionaryEntries(source, target, terms)

    made = client.create_multilingual_glossary(
        "all", [entries("ZH", "EN", TERMS), entries("EN", "ZH", {"apple": "苹果"})]
    )
    assert [d.entry_count for d in made.dictionaries] == [2, 1]
    more = client.update_multilingual_glossary_dictionary(
        made, entries("ZH", "EN", {"猫": "kitty"})
    )
    assert more.dictionaries[0].entry_count == 3
    assert client.update_multilingual_glossary_name(made, "new").name == "new"
    got = client.get_multilingual_glossary_entries(made, "ZH", "EN").dictionaries[0]
    assert "猫" in str(got.entries)
    assert "kitties" in ask(client, "三只猫在睡觉。", glossary=made.glossary_id)
    replaced = client.replace_multilingual_glossary_dictionary(
        made, entries("ZH", "EN", {"狗": "hound"})
    )
    assert replaced.entry_count == 1
    client.delete_multilingual_glossary_dictionary(made, source_lang="EN", target_lang="ZH")
    left = client.get_multilingual_glossary(made.glossary_id)
    assert [d.source_lang for d in left.dictionaries] == ["ZH"]
    assert made.glossary_id in {g.glossary_id for g in client.list_multilingual_glossaries()}
    client.delete_multilingual_glossary(made)
    with pytest.raises(deepl.GlossaryNotFoundException):
        client.get_multilingual_glossary(made.glossary_id)


def test_a_glossary_belongs_to_its_key(live: Live, client: deepl.DeepLClient) -> None:
    made = client.create_glossary("mine", source_lang="ZH", target_lang="EN", entries=TERMS)
    other = deepl.DeepLClient("key-two", server_url=live.url)
    assert other.list_glossaries() == []
    with pytest.raises(deepl.GlossaryNotFoundException):
        other.get_glossary_entries(made.glossary_id)
    with pytest.raises(deepl.DeepLException, match="not found"):
        ask(other, "我住在上海。", glossary=made.glossary_id)


def call(live: Live, method: str, path: str, body: object = None) -> httpx.Response:
    return httpx.request(
        method,
        f"{live.url}{path}",
        json=body,
        trust_env=False,
        timeout=120,
        headers={"Authorization": "Bearer key-two"},
    )


def test_our_own_routes_and_field(live: Live) -> None:
    made = call(
        live, "POST", "/glossaries", {"name": "own", "terms": {**TERMS, "青苹果": "unripe pome"}}
    )
    assert made.status_code == 201
    assert made.json()["overlaps"] == [
        "'苹果' lies within '青苹果', which is preferred where it stands"
    ]
    by_name = call(live, "POST", "/translate", {"text": "我住在上海。", "glossary": "own"})
    assert by_name.json()["translation"] == "I live in Shanghai."
    inline = {"text": ["我<b>住在</b>上海。"], "format": "html", "glossary": {"上海": "Shanghai"}}
    (marked,) = call(live, "POST", "/translate", inline).json()["translation"]
    assert "Shanghai" in marked
    assert marked.count("<b>") == marked.count("</b>") == 1
    streamed = call(live, "POST", "/translate/stream", {"text": "我住在上海。", "glossary": "own"})
    assert "Shanghai" in streamed.text
    identity = made.json()["id"]
    listed = call(live, "GET", "/glossaries").json()["glossaries"]
    assert identity in {glossary["id"] for glossary in listed}
    assert call(live, "GET", f"/glossaries/{identity}").json()["term_count"] == 3
    assert call(live, "DELETE", f"/glossaries/{identity}").status_code == 204
    assert call(live, "DELETE", f"/glossaries/{identity}").status_code == 404
    gone = call(live, "POST", "/translate", {"text": "你好", "glossary": "own"})
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/glossaries", {"name": "x", "terms": {"a": "b", "a ": "c"}}, "conflict"),
        ("/glossaries", {"name": "x", "terms": {"": "b"}}, "empty"),
        ("/glossaries", {"name": "x", "terms": {}}, "terms"),
        ("/glossaries", {"name": " ", "terms": {"a": "b"}}, "name"),
        ("/translate", {"text": "你好", "glossary": {"a": "b", "a ": "c"}}, "conflict"),
        ("/translate", {"text": "你好", "glossary": 7}, "glossary"),
        ("/translate", {"text": "你好", "format": "html", "segments": True}, "segments"),
        ("/translate/stream", {"text": "你好", "format": "html"}, "streamed"),
    ],
)
def test_what_is_wrong_is_said(live: Live, path: str, body: object, said: str) -> None:
    answer = call(live, "POST", path, body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"entries": "a\tb\na\tc"},
        {"entries": "a"},
        {"entries": ""},
        {"name": ""},
        {"entries_format": "xls"},
        {"source_lang": "xx"},
        {"target_lang": "ZH"},
    ],
)
def test_deepls_errors(live: Live, fields: dict[str, str]) -> None:
    good = {"name": "n", "source_lang": "ZH", "target_lang": "EN", "entries": "a\tb"}
    answer = call(live, "POST", "/v2/glossaries", {**good, **fields})
    assert answer.status_code == 400
    assert answer.json()["message"]


# --- the store and the parser -------------------------------------------------------------------


def test_a_store_is_there_after_it_was_opened_again(tmp_path: Path) -> None:
    path = str(tmp_path / "g.sqlite")
    pairs = (("猫", "cat"), ("狗", "dog"))
    made = GlossaryStore(path).create("me", "pets", {ZH_EN: pairs})
    again = GlossaryStore(path)
    assert again.get("me", "pets") == again.get("me", made.identity) == made
    with pytest.raises(NotFoundError):
        again.get("you", made.identity)
    with pytest.raises(NotFoundError):
        again.drop("me", made.identity, ("en", "zh"))


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        GlossaryStore(str(tmp_path / "no" / "folder")).all("me")


def test_entries_and_conflicts() -> None:
    assert parse_entries("猫\tcat\r\n\n 狗 \tdog", "tsv") == (("猫", "cat"), ("狗", "dog"))
    assert parse_entries('"a,b",c,EN,DE\n', "csv") == (("a,b", "c"),)
    assert checked([("a", "b"), ("a", "b")]) == (("a", "b"),)
    with pytest.raises(InvalidInputError, match="two targets"):
        checked([("a", "b"), ("a", "c")])
    with pytest.raises(InvalidInputError, match="line 2"):
        parse_entries("a\tb\nc\td\te", "tsv")
    assert [(o.shorter, o.longer) for o in overlaps([("苹果", "x"), ("青苹果", "y")])] == [
        ("苹果", "青苹果")
    ]


def test_a_glossary_of_another_direction_is_refused_and_not_ignored(served: Served) -> None:
    body = {"name": "back", "source_lang": "en", "target_lang": "zh", "entries": "a\tb"}
    made = served.client.post("/v2/glossaries", json=body).json()
    asked = {"text": ["你好"], "source_lang": "ZH", "target_lang": "EN"}
    answer = served.client.post("/v2/translate", json={**asked, "glossary_id": made["glossary_id"]})
    assert answer.status_code == 404
    assert "No dictionary found for language pair zh-en" in answer.json()["message"]
