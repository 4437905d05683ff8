"""The memory in the service: asked for by request, marked in the answer, counted, fed."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from csanmt.memory.entries import Direction, TranslationUnit
from csanmt.memory.store import BUSY_SECONDS, TranslationMemory
from tests.serving.conftest import MODEL, Serve, Served

ZH_EN = Direction("zh", "en")
OFFER = {"q": "再见。", "s": "Bye.", "source": "zh", "target": "en"}


@pytest.fixture
def memory(tmp_path: Path) -> TranslationMemory:
    memory = TranslationMemory(tmp_path / "memory.db")
    memory.add(
        ZH_EN,
        [
            TranslationUnit("你好。", "Hi there.", "a.tmx"),
            TranslationUnit("我们明天去公园。", "Park!"),
        ],
    )
    return memory


@pytest.fixture
def served(serve: Serve, memory: TranslationMemory, tmp_path: Path) -> Served:
    return serve(memory=memory, suggestions_file=str(tmp_path / "suggestions.jsonl"))


def test_it_is_not_asked_unless_the_request_says_so(served: Served) -> None:
    assert served.translate("你好。")["translation"] == "[你好。]"
    assert "memory" not in served.translate("你好。", segments=True)["segments"][0]
    assert served.metric("csanmt_memory_lookups_total", result="exact") == 0


def test_an_exact_match_is_the_translation_and_says_so(served: Served) -> None:
    body = served.translate("你好。\n再见。", memory="exact")
    assert body["translation"] == "Hi there.\n[再见。]"
    assert body["model"] == MODEL
    first, second = body["segments"]
    assert first["memory"] == {
        "match": 1.0,
        "used": True,
        "source": "你好。",
        "translation": "Hi there.",
        "origin": "a.tmx",
    }
    assert first["target_span"] == [0, 9]
    assert "memory" not in second
    assert served.translator.calls[-1] == ["再见。"]  # the model had only the other one to do
    assert served.metric("csanmt_memory_lookups_total", result="exact") == 1
    assert served.metric("csanmt_memory_lookups_total", result="none") == 1


def test_a_similar_sentence_is_offered_and_never_used(served: Served) -> None:
    body = served.translate("我们今天去公园。", memory="fuzzy")
    assert body["translation"] == "[我们今天去公园。]"
    assert body["segments"][0]["memory"] == {
        "match": 0.875,
        "used": False,
        "source": "我们明天去公园。",
        "translation": "Park!",
        "origin": "",
    }
    assert "memory" not in served.translate("我们今天去公园。", memory="exact")["segments"][0]
    assert served.metric("csanmt_memory_lookups_total", result="fuzzy") == 1


def test_the_stream_marks_matches_as_the_answer_does(served: Served) -> None:
    body = {"text": "你好。\n我们今天去公园。", "memory": "fuzzy"}
    with served.client.stream("POST", "/translate/stream", json=body) as response:
        text = "".join(response.iter_text())
    assert '"translation":"Hi there."' in text.replace(": ", ":")
    assert text.count('"used"') == 4  # two segments, and again in the whole answer


def test_all_of_a_text_may_be_remembered(served: Served) -> None:
    body = served.translate(["你好。", "你好。你好。"], memory="exact", alternatives=2)
    assert body["translation"] == ["Hi there.", "Hi there. Hi there."]
    assert body["alternatives"] == [[], []]
    assert served.translator.calls[1:] == []  # the first call is the warm-up, if there is one


def test_a_suggestion_is_remembered(served: Served, memory: TranslationMemory) -> None:
    fields = {"q": "再见。好的。", "s": "See you. Fine.", "source": "zh", "target": "en"}
    assert served.client.post("/suggest", json=fields).json() == {"success": True}
    body = served.translate("好的。", memory="exact")
    assert body["translation"] == "Fine."
    assert body["segments"][0]["memory"]["origin"] == "suggestion"
    fields |= {"q": "新的", "s": "neu", "target": "de"}  # another direction is kept, not used
    assert served.client.post("/suggest", json=fields).status_code == 200
    assert [entry.pair.source for entry in memory.entries()][:2] == ["好的。", "再见。"]


def test_suggestions_can_be_kept_out(serve: Serve, memory, tmp_path: Path) -> None:
    file = str(tmp_path / "s.jsonl")
    served = serve(memory=memory, suggestions_file=file, memory_suggestions=False)
    fields = {"q": "再见。", "s": "See you.", "source": "zh", "target": "en"}
    assert served.client.post("/suggest", json=fields).status_code == 200
    assert len(memory) == 2


def test_without_a_memory_the_option_is_refused(serve: Serve) -> None:
    served = serve()
    response = served.client.post("/translate", json={"text": "你好。", "memory": "exact"})
    assert response.status_code == 422
    assert "keeps no translation memory" in response.json()["error"]["message"]
    assert served.translate("你好。", memory="off")["translation"] == "[你好。]"
    assert served.client.get("/version").json()["memory"] is False
    bad = served.client.post("/translate", json={"text": "你好。", "memory": "yes"})
    assert bad.status_code == 422


def test_a_failing_memory_costs_its_hits_not_the_translation(served: Served, memory) -> None:
    memory.close()
    body = served.translate("你好。", memory="fuzzy")
    assert body["translation"] == "[你好。]"
    assert served.metric("csanmt_memory_lookups_total", result="failed") == 1
    assert served.client.get("/metrics").status_code == 200


def test_size_is_a_metric_and_the_version_names_the_memory(served: Served) -> None:
    assert served.client.get("/version").json()["memory"] is True
    assert f'csanmt_memory_entries{{model="{MODEL}"}} 2.0' in served.client.get("/metrics").text


def test_a_full_disk_costs_no_hit_and_is_told_without_the_servers_path(
    serve: Serve, memory: TranslationMemory, tmp_path: Path
) -> None:
    kept = tmp_path / "suggestions.jsonl"
    served = serve(memory=memory, suggestions_file=str(kept))
    memory._writer.execute("PRAGMA max_page_count = 1")  # as a disk without room for one page more
    for n in range(3):
        assert served.translate("你好。", memory="exact")["translation"] == "Hi there.", n
    long = "很长的句子" * 900
    offered = {"q": long, "s": "Long. " * 800, "source": "zh", "target": "en"}
    answer = served.client.post("/suggest", json=offered)
    assert answer.status_code == 507
    assert "cannot be written now" in answer.text
    assert str(memory.path) not in answer.text
    assert not kept.exists(), "asked again, it must not stand there twice"


def test_a_long_writer_holds_up_neither_lookups_nor_anything_else(
    served: Served, memory: TranslationMemory
) -> None:
    other = sqlite3.connect(memory.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waiting = [
        threading.Thread(target=lambda: served.client.post("/suggest", data=OFFER))
        for _ in range(8)
    ]
    try:
        for thread in waiting:
            thread.start()
        started = time.monotonic()
        assert served.translate("你好。", memory="exact")["translation"] == "Hi there."
        assert served.translate("长。" * 1500)["translation"]
        assert served.client.get("/metrics").status_code == 200
        assert time.monotonic() - started < BUSY_SECONDS / 2
    finally:
        other.execute("ROLLBACK")
        for thread in waiting:
            thread.join()
