"""What large glossaries may cost: nothing on the event loop, and bytes that are limited."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from csanmt import glossary
from csanmt.glossary import overlaps
from csanmt.terms import TermIndex
from serving.apis.native import glossaries as routes
from tests.serving.conftest import Serve, Served

TERMS = {"上海": "Shanghai"}


def test_overlaps_of_a_huge_glossary_are_looked_for_with_limited_work(monkeypatch) -> None:
    pairs = [("b", "x"), *((letter * 9, "x") for letter in "acdefg"), ("zzzzzzzzzb", "x")]
    assert [o.longer for o in overlaps(pairs)] == ["zzzzzzzzzb"]
    monkeypatch.setattr(glossary, "MOST_COMPARISONS", 3)
    assert overlaps(pairs) == []


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/translate", {"text": "上海", "glossary": TERMS}),
    ("/translate", {"text": "上<b>海</b>", "glossary": TERMS, "format": "html"}),
    ("/translate/stream", {"text": "上海", "glossary": TERMS}),
    (
        "/v2/translate",
        {"text": ["上海"], "source_lang": "ZH", "target_lang": "EN", "glossary_id": "kept"},
    ),
    ("/glossaries", {"name": "new", "terms": TERMS}),
]


@pytest.mark.parametrize(("path", "body"), CALLS)
def test_terms_are_looked_for_beside_the_event_loop(
    served: Served, monkeypatch, path: str, body: dict[str, Any]
) -> None:
    client = served.client
    assert client.post("/glossaries", json={"name": "kept", "terms": TERMS}).status_code == 201
    loop = client.portal.call(threading.get_ident)
    threads: list[int] = []
    used_in = TermIndex.used_in

    def watched_used_in(self: TermIndex, texts: Any) -> Any:
        threads.append(threading.get_ident())
        return used_in(self, texts)

    def watched_overlaps(pairs: Any) -> Any:
        threads.append(threading.get_ident())
        return overlaps(pairs)

    monkeypatch.setattr(TermIndex, "used_in", watched_used_in)
    monkeypatch.setattr(routes, "overlaps", watched_overlaps)
    assert client.post(path, json=body).status_code in (200, 201)
    assert threads and loop not in threads


def tsv(first: int, count: int) -> str:
    return "\n".join(f"词{n}\tword" for n in range(first, first + count))


def dictionary(entries: str, target: str = "EN") -> dict[str, str]:
    return {"source_lang": "ZH", "target_lang": target, "entries": entries}


def made(client: Any) -> str:
    """Path of a new glossary with one term."""
    body = {"name": "old", "dictionaries": [dictionary("猫\tcat")]}
    answer = client.post("/v3/glossaries", json=body)
    assert answer.status_code == 201
    return f"/v3/glossaries/{answer.json()['glossary_id']}"


def test_added_terms_count_with_those_that_were_there(served: Served) -> None:
    client, path = served.client, made(served.client)
    statuses = [
        client.patch(path, json={"dictionaries": [dictionary(tsv(n, 5000))]}).status_code
        for n in (0, 5000)
    ]
    assert statuses == [200, 400]
    (kept,) = client.get(path).json()["dictionaries"]
    assert kept["entry_count"] == 5001


@pytest.mark.parametrize(
    "dictionaries",
    [[dictionary("狗\tdog", "JA"), dictionary(tsv(0, 10_000))], [dictionary("a\tb\tc")]],
)
def test_change_is_made_whole_or_not_at_all(served: Served, dictionaries: Any) -> None:
    client, path = served.client, made(served.client)
    before = client.get(path).json()
    changes = {"name": "new", "dictionaries": dictionaries}
    assert client.patch(path, json=changes).status_code == 400
    assert client.get(path).json() == before


def test_bytes_of_one_owners_glossaries_are_limited(serve: Serve) -> None:
    client = serve(glossary_bytes=2000).client
    path = made(client)
    large = dictionary(tsv(0, 60))  # takes about 1,100 bytes
    answers = [
        client.put(f"{path}/dictionaries", json=large | {"target_lang": target})
        for target in ("EN", "JA")
    ]
    assert [answer.status_code for answer in answers] == [200, 413]
    assert "2000" in answers[1].json()["message"]
    changes = {"name": "new", "dictionaries": [large | {"target_lang": "JA"}]}
    assert client.patch(path, json=changes).status_code == 413
    assert client.post("/v2/glossaries", json={"name": "b", **large}).status_code == 413
    body = {"name": "own", "terms": {f"词{n}": "word" for n in range(60)}}
    ours = client.post("/glossaries", json=body)
    assert (ours.status_code, ours.json()["error"]["code"]) == (413, "too_large")
    shown = client.get(path).json()
    assert (shown["name"], len(shown["dictionaries"])) == ("old", 1)
    assert len(client.get("/v3/glossaries").json()["glossaries"]) == 1
    assert client.delete(path).status_code == 204
    assert client.post("/glossaries", json=body).status_code == 201
