"""Each format comes back with its translations, read here by other libraries and tools."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bulk.run import translate_corpus
from csanmt.errors import CsanmtError
from tests.bulk.corpora import StubPool, corpus


@pytest.fixture
def translated(tmp_path: Path) -> Any:
    """Write a file, translate it, return the output's bytes."""

    def run(name: str, content: bytes, **layout: Any) -> bytes:
        source = tmp_path / "in" / name
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(content)
        translate_corpus(corpus(tmp_path / "out", source, **layout), StubPool())
        return (tmp_path / "out" / name).read_bytes()

    return run


TEXT = [
    (b"", b""),
    ("一\n二\n".encode(), "[一]\n[二]\n".encode()),
    ("一\r\n\n \n二".encode(), "[一]\r\n\n \n[二]".encode()),
    ("\ufeff一。二。\nplain\n".encode(), "\ufeff[一。] [二。]\nplain\n".encode()),
    ("一\u2028二\x0c\x85三\n".encode(), "[一]\u2028[二]\x0c\x85[三]\n".encode()),
    ("一\r二\n".encode(), "[一]\r[二]\n".encode()),
]


@pytest.mark.parametrize(("source", "target"), TEXT)
def test_text_has_a_line_for_each_line(translated, source: bytes, target: bytes) -> None:
    assert translated("a.txt", source) == target


BAD_TEXT = b"\xe4\xb8\x80\n\xff\xfe\xe4\n\xe4\xba\x8c\n"


@pytest.mark.parametrize(
    ("policy", "target"),
    [
        ("copy", b"[\xe4\xb8\x80]\n\xff\xfe\xe4\n[\xe4\xba\x8c]\n"),
        ("empty", b"[\xe4\xb8\x80]\n\n[\xe4\xba\x8c]\n"),
    ],
)
def test_a_line_that_is_not_utf8_is_copied_or_empty(translated, policy: str, target: bytes) -> None:
    assert translated("a.txt", BAD_TEXT, policy=policy) == target


TABS = [
    ({}, "一\tx\n二\n\n", "一\tx\t[一]\n二\t[二]\n\t\n"),
    ({"field": "2"}, "1\t一\r\n2\t二\r\n", "1\t一\t[一]\r\n2\t二\t[二]\r\n"),
    ({"field": "2", "policy": "copy"}, "1\t一\n2\n", "1\t一\t[一]\n2\n"),
    ({"field": "2", "policy": "empty"}, "1\t一\n2\n", "1\t一\t[一]\n2\t\n"),
    (
        {"field": "zh", "header": True, "into": "en"},
        "\ufeffid\tzh\n1\t一\n",
        "\ufeffid\tzh\ten\n1\t一\t[一]\n",
    ),
    ({"field": "2", "header": True}, "id\tzh\n1\t一\n", "id\tzh\ttranslation\n1\t一\t[一]\n"),
]


@pytest.mark.parametrize(("layout", "source", "target"), TABS)
def test_tsv_gets_a_column(translated, layout: dict[str, Any], source: str, target: str) -> None:
    assert translated("a.tsv", source.encode(), **layout).decode() == target


def test_tsv_is_read_back_by_another_library(translated, tmp_path: Path) -> None:
    translated("a.tsv", 'id\tzh\n1\t他说"一"\n'.encode(), header=True, field="zh")
    with (tmp_path / "out" / "a.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows == [{"id": "1", "zh": '他说"一"', "translation": '[他说"一"]'}]


JSON_LINES = [
    ({}, '{"text": "一", "n": 1.50e3}\n', '{"text": "一", "n": 1.50e3, "translation": "[一]"}\n'),
    (
        {"field": "a.b"},
        '{"a": {"b": "一\\n二"}}',
        '{"a": {"b": "一\\n二"}, "translation": "[一]\\n[二]"}',
    ),
    ({"into": "en"}, '{"text":"\\u4e00"}  \r\n', '{"text":"\\u4e00", "en": "[一]"}\r\n'),
    ({"policy": "copy"}, '{"text": 3}\nx\n[]\n\n{}\n', '{"text": 3}\nx\n[]\n\n{}\n'),
    (
        {"policy": "empty"},
        '{"text": 3}\nx\n{ }\n',
        '{"text": 3, "translation": ""}\n{"translation": ""}\n{"translation": ""}\n',
    ),
    ({"policy": "copy"}, '{"text": "\\ud800"}\n', '{"text": "\\ud800"}\n'),
    ({"policy": "copy"}, "[" * 99_999 + "\n", "[" * 99_999 + "\n"),
]


@pytest.mark.parametrize(("layout", "source", "target"), JSON_LINES)
def test_jsonl_gets_a_field_and_keeps_its_bytes(
    translated, layout: dict[str, Any], source: str, target: str
) -> None:
    found = translated("a.jsonl", source.encode(), **layout).decode()
    assert found == target
    if layout.get("policy") != "copy":
        assert all(
            "translation" in json.loads(x) or "en" in json.loads(x) for x in found.splitlines()
        )


def piped(command: list[str], content: bytes) -> bytes:
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def test_gz_and_xz_stay_compressed_and_the_same_every_time(translated, tmp_path: Path) -> None:
    content = gzip.compress("一\n".encode(), mtime=9)
    packed = translated("a.txt.gz", content)
    assert piped(["gzip", "-dc"], packed) == "[一]\n".encode()
    (tmp_path / "out").rename(tmp_path / "earlier")
    assert translated("a.txt.gz", gzip.compress("一\n".encode(), mtime=1)) == packed
    (tmp_path / "out").rename(tmp_path / "earlier2")
    packed = translated("b.jsonl.xz", piped(["xz"], '{"text": "一"}\n'.encode()))
    assert json.loads(piped(["xz", "-dc"], packed)) == {"text": "一", "translation": "[一]"}


def test_parquet_keeps_its_columns_and_gains_one(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {"id": arrow.array(range(9000), arrow.int16()), "zh": ["一", None, "b"] * 3000},
        metadata={"kept": "yes"},
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    run = corpus(tmp_path / "out", tmp_path / "a.parquet", field="zh", policy="copy", lines=1000)
    summary = translate_corpus(run, StubPool())
    found = parquet.read_table(tmp_path / "out" / "a.parquet")
    assert found.select(["id", "zh"]).equals(table)
    assert found.schema.metadata[b"kept"] == b"yes"
    assert found.column("translation").to_pylist() == ["[一]", None, "b"] * 3000
    assert summary["files"][0]["problems"] == {"null": {"count": 3000, "first": [2, 5, 8, 11, 14]}}


REFUSED = [
    ("a.txt", BAD_TEXT, {}, "1 bad records; nothing was translated. a.txt, line 2: not UTF-8"),
    ("a.tsv", b"a\n", {"field": "zh"}, "column is 'zh'"),
    ("a.tsv", b"a\tb\n", {"field": "zh", "header": True}, "no column 'zh'; it has a, b"),
    ("a.jsonl", b"{}\n", {}, "line 1: no field 'text' with a text"),
    ("a.jsonl", b'{"text": "", "translation": 1}\n', {}, "choose another --into"),
    ("a.parquet", b"PAR1", {}, "is not Parquet"),
    ("a.txt.gz", gzip.compress(b"a\n" * 999)[:-20], {}, "damaged or cut off"),
    ("a.txt.xz", b"nothing", {}, "damaged or cut off"),
    ("a.csv", b"a", {}, "give --format"),
]


@pytest.mark.parametrize(("name", "content", "layout", "says"), REFUSED)
def test_what_cannot_be_read_is_refused_with_the_reason(
    translated, name: str, content: bytes, layout: dict[str, Any], says: str
) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises(CsanmtError, match=says):
        translated(name, content, **layout)
