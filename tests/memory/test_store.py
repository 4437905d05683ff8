"""The memory finds the same and similar sentences, stays bounded, and is shared by processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from csanmt.errors import InvalidInputError, NotFoundError, StorageError
from csanmt.memory.entries import Direction, TranslationUnit, by_sentence
from csanmt.memory.store import TranslationMemory

ROOT = Path(__file__).parents[2]
ZH_EN = Direction("zh", "en", "csanmt-zh-en:v1.0.0")
ALL = Direction("zh", "en")


@pytest.fixture
def memory(tmp_path: Path) -> TranslationMemory:
    return TranslationMemory(tmp_path / "folder" / "memory.db")


def remembered(memory: TranslationMemory, *sentences: str) -> dict[str, str]:
    return {s: m.pair.target for s, m in memory.exact(ZH_EN, sentences).items()}


def test_the_same_sentence_is_found_whatever_its_spaces_and_form(memory) -> None:
    memory.add(ALL, [TranslationUnit("咖啡 Café", "Coffee", "a.tmx")])
    for same in ("咖啡 Café", "  咖啡\u3000Cafe\u0301 "):
        assert remembered(memory, same) == {same: "Coffee"}
    assert remembered(memory, "咖啡", "") == {}
    match = memory.exact(ZH_EN, ["咖啡 Café"])["咖啡 Café"]
    assert (match.similarity, match.exact, match.pair.origin) == (1.0, True, "a.tmx")


def test_languages_and_models_are_kept_apart(memory) -> None:
    memory.add(Direction("zh", "de"), [TranslationUnit("你好。", "Hallo.")])
    memory.add(Direction("zh", "en", "csanmt-zh-en:v2.0.0"), [TranslationUnit("你好。", "Two.")])
    assert remembered(memory, "你好。") == {}
    memory.add(ALL, [TranslationUnit("你好。", "All.")])
    assert remembered(memory, "你好。") == {"你好。": "All."}
    memory.add(ZH_EN, [TranslationUnit("你好。", "One.")])  # its own goes before that of all
    assert remembered(memory, "你好。") == {"你好。": "One."}


def test_a_newer_translation_replaces_the_older(memory) -> None:
    memory.add(
        ALL, [TranslationUnit("你好。", "Hi.", "a"), TranslationUnit("你好。", "Hello.", "b")]
    )
    assert len(memory) == 1
    assert remembered(memory, "你好。") == {"你好。": "Hello."}


SIMILAR = [
    ("我们明天去公园散步。", "我们今天去公园散步。", 0.9),
    ("我们明天去公园散步。", "我们明天去公园散步", 0.947),
    ("我们明天去公园散步。", "他昨天买了一本书。", None),
    ("我们明天去公园散步。", "", None),
]


@pytest.mark.parametrize(("stored", "asked", "similarity"), SIMILAR)
def test_similar_sentences_are_found_with_their_similarity(
    memory, stored: str, asked: str, similarity: float | None
) -> None:
    memory.add(
        ALL, [TranslationUnit(stored, "Stored."), TranslationUnit("完全不同的东西。", "Other.")]
    )
    match = memory.similar(ZH_EN, asked)
    if similarity is None:
        assert match is None
    else:
        assert match and not match.exact
        assert match.pair == TranslationUnit(stored, "Stored.")
        assert match.similarity == pytest.approx(similarity, abs=0.001)


def test_what_another_process_stores_is_found_at_once(memory) -> None:
    assert memory.similar(ZH_EN, "我们明天去公园。") is None
    program = (
        "import sys\n"
        "from csanmt.memory.entries import *\n"
        "from csanmt.memory.store import TranslationMemory\n"
        "memory = TranslationMemory(sys.argv[1])\n"
        "memory.add(Direction('zh', 'en'), [TranslationUnit('我们今天去公园。', 'Park.')])\n"
    )
    subprocess.run([sys.executable, "-c", program, memory.path], cwd=ROOT, check=True)
    match = memory.similar(ZH_EN, "我们明天去公园。")
    assert match and match.pair.target == "Park."
    memory.forget(source="我们今天去公园。")
    assert memory.similar(ZH_EN, "我们明天去公园。") is None


def test_several_processes_write_without_losing_anything(memory) -> None:
    program = (
        "import sys\n"
        "from csanmt.memory.entries import *\n"
        "from csanmt.memory.store import TranslationMemory\n"
        "memory = TranslationMemory(sys.argv[1])\n"
        "for n in range(100):\n"
        "    memory.add(Direction('zh', 'en'), [TranslationUnit(f'{sys.argv[2]}的{n}', 'x')])\n"
        "    memory.exact(Direction('zh', 'en'), [f'甲的{n}', f'乙的{n}'])\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, memory.path, name], cwd=ROOT)
        for name in "甲乙丙"
    ]
    assert [writer.wait(240) for writer in writers] == [0, 0, 0]
    assert len(memory) == 300


def test_it_waits_for_another_who_makes_the_file_at_the_same_moment(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN IMMEDIATE")  # SQLite would refuse at once what needs it alone
    with ThreadPoolExecutor(1) as threads:
        opened = threads.submit(TranslationMemory, tmp_path / "m.db")
        assert wait([opened], timeout=0.3).not_done
        other.execute("COMMIT")
        other.close()
        assert len(opened.result()) == 0


def test_size_is_bounded_and_the_longest_unused_goes(tmp_path: Path) -> None:
    now = [0.0]
    memory = TranslationMemory(tmp_path / "m.db", most=3, clock=lambda: now[0])
    for now[0], name in enumerate("甲乙丙"):
        memory.add(ALL, [TranslationUnit(name, name)])
    now[0] = 10
    assert remembered(memory, "甲") == {"甲": "甲"}
    now[0] = 11
    memory.add(ALL, [TranslationUnit("丁", "丁")])
    assert {entry.pair.source: entry.hits for entry in memory.entries()} == {
        "丁": 0,
        "丙": 0,
        "甲": 1,
    }


def test_entries_are_listed_and_forgotten(memory) -> None:
    memory.add(
        ALL,
        [
            TranslationUnit("一。", "One.", "a"),
            TranslationUnit("二。", "Two.", "b"),
            TranslationUnit("三。", "3", "b"),
        ],
    )
    (one,) = memory.entries("One")
    assert one.pair == TranslationUnit("一。", "One.", "a")
    assert memory.forget(ids=[one.id, 999]) == 1
    assert memory.forget(origin="b") == 2
    assert memory.forget(everything=True) == len(memory) == 0


def test_texts_are_stored_sentence_by_sentence() -> None:
    assert by_sentence(TranslationUnit("一。二。\n三", "One. Two.\nThree", "x")) == [
        TranslationUnit("一。", "One.", "x"),
        TranslationUnit("二。", "Two.", "x"),
        TranslationUnit("三", "Three", "x"),
    ]
    assert by_sentence(TranslationUnit("一。二。", "One and two.")) == [
        TranslationUnit("一。二。", "One and two.")
    ]


@pytest.mark.parametrize(
    "pair",
    [TranslationUnit("", "x"), TranslationUnit("一", " "), TranslationUnit("一" * 5001, "x")],
)
def test_what_is_no_pair_is_refused_and_nothing_stored(memory, pair: TranslationUnit) -> None:
    with pytest.raises(InvalidInputError, match="not a pair"):
        memory.add(ALL, [TranslationUnit("好", "good"), pair])
    assert len(memory) == 0


def test_a_file_that_is_no_memory_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "m.db").write_bytes(b"not a database, and long enough to be looked at" * 99)
    with pytest.raises(StorageError, match="file is not a database"):
        TranslationMemory(tmp_path / "m.db")
    with pytest.raises(NotFoundError, match="there is no translation memory"):
        TranslationMemory(tmp_path / "absent.db", create=False)


def test_only_its_owner_can_read_it(memory) -> None:
    assert os.stat(memory.path).st_mode & 0o077 == 0
