"""What large glossaries may cost: nothing on the event loop, and bytes that are limited."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from csanmt import glossary
from csanmt.glossary import overlaps
from csanmt.terms import TermIndex
from serving.glossaries import routes
from tests.serving.conftest import Served

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
    ("/v2/translate", {"text": ["上海"], "target_lang": "EN", "glossary_id": "kept"}),
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
