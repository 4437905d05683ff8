"""TMX, TSV and suggestions go in and out; another library reads what we write."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from csanmt.errors import InvalidInputError
from csanmt.memory.entries import Direction, TranslationUnit
from csanmt.memory.exchange import read_pairs, write_pairs
from csanmt.memory.store import TranslationMemory

ZH_EN = Direction("zh", "en")
TMX = """<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="zh-CN" datatype="plaintext"/><body>
<tu><tuv xml:lang="zh-CN"><seg>你好，<bpt>&lt;b></bpt>世界<ept>&lt;/b></ept>。</seg></tuv>
    <tuv xml:lang="EN-us"><note>x</note><seg>Hello, <hi>world</hi> &amp; all.</seg></tuv></tu>
<tu><tuv lang="zh"><seg>一</seg></tuv><tuv lang="en"><seg>One</seg></tuv></tu>
<tu><tuv xml:lang="de"><seg>Eins</seg></tuv><tuv xml:lang="en"><seg>One</seg></tuv></tu>
<tu><tuv xml:lang="zh"><seg> </seg></tuv><tuv xml:lang="en"><seg>Empty</seg></tuv></tu>
</body></tmx>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tmx_is_read_without_its_tags(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.tmx"
    path.write_bytes(TMX.format(encoding=encoding).encode(encoding))
    assert list(read_pairs(path, ZH_EN)) == [
        TranslationUnit("你好，世界。", "Hello, world & all.", "a.tmx"),
        TranslationUnit("一", "One", "a.tmx"),
    ]


LAUGHS = '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><tmx><body>&b;</body></tmx>'
OUTSIDE = '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><tmx><body>&a;</body></tmx>'
BAD = [
    ("a.tmx", LAUGHS, "not a TMX that can be read"),
    ("a.tmx", OUTSIDE, "not a TMX that can be read"),
    ("a.tmx", "<tmx><body>", "not a TMX that can be read"),
    ("a.tmx", '<?xml version="1.0" encoding="gb18030"?><tmx/>', "multi-byte encodings"),
    ("a.tsv", "一\tOne\n二\n", "line 2: has no tab"),
    ("a.jsonl", '{"q": "一"}\n', "line 1: 's'"),
    ("a.jsonl", "[]\n", "line 1"),
    ("a.csv", "", "is none of .tmx, .tsv, .jsonl"),
]


@pytest.mark.parametrize(("name", "content", "says"), BAD)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=says):
        list(read_pairs(tmp_path / name, ZH_EN))


def test_suggestions_of_the_direction_are_read(tmp_path: Path) -> None:
    path = tmp_path / "suggestions.jsonl"
    path.write_text(
        '{"at": 1, "model": "m", "q": "你好", "s": "Hi", "source": "zh", "target": "en"}\n'
        '{"q": "你好", "s": "Hallo", "source": "zh", "target": "de"}\n\n',
        encoding="utf-8",
    )
    assert list(read_pairs(path, ZH_EN)) == [TranslationUnit("你好", "Hi", "suggestions.jsonl")]


@pytest.mark.parametrize("ending", [".tmx", ".tsv", ".jsonl"])
def test_what_is_written_is_read_back(tmp_path: Path, ending: str) -> None:
    memory = TranslationMemory(tmp_path / "m.db")
    pairs = [TranslationUnit('他说<"一">&', "He said <1> &"), TranslationUnit("二。", "Two.")]
    memory.add(ZH_EN, pairs)
    path = tmp_path / f"out{ending}"
    with path.open("wb") as sink:
        assert write_pairs(memory.entries(), sink, ending) == 2
    found = [(pair.source, pair.target) for pair in read_pairs(path, ZH_EN)]
    assert sorted(found) == sorted((pair.source, pair.target) for pair in pairs)


def test_the_tmx_is_well_formed_for_another_parser(tmp_path: Path) -> None:
    memory = TranslationMemory(tmp_path / "m.db")
    memory.add(Direction("zh", "en", "csanmt-zh-en:v1.0.0"), [TranslationUnit("一\x01", "One")])
    sink = io.BytesIO()
    write_pairs(memory.entries(), sink, ".tmx")
    root = etree.fromstring(sink.getvalue())
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    assert [(v.get(language), v.findtext("seg")) for v in root.iter("tuv")] == [
        ("zh", "一"),
        ("en", "One"),
    ]
    assert root.findtext(".//prop") == "csanmt-zh-en:v1.0.0"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def test_the_commands_import_list_export_and_forget(
    capsys: Any, tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.main import main

    monkeypatch.setenv("CSANMT_MEMORY_FILE", str(database))
    (tmp_path / "a.tsv").write_text("一。二。\tOne. Two.\n", encoding="utf-8")
    assert main(["memory", "import", str(tmp_path / "a.tsv")]) == 0
    assert "2 sentences of" in capsys.readouterr().out
    assert main(["memory", "list", "--containing", "Two"]) == 0
    assert "a.tsv" in (shown := capsys.readouterr().out) and "二。" in shown and "一。" not in shown
    assert main(["memory", "export", str(tmp_path / "out.tmx")]) == 0
    assert main(["memory", "forget", "--source", "一。", "--json"]) == 0
    assert '"forgotten": 1' in capsys.readouterr().out
    assert main(["memory", "import", str(tmp_path / "out.tmx"), "--json"]) == 0
    assert '"entries": 2' in capsys.readouterr().out


def test_commands_say_what_is_missing(
    capsys: Any, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.main import main

    monkeypatch.delenv("CSANMT_MEMORY_FILE", raising=False)
    assert main(["memory", "list"]) == 2
    assert "give --memory FILE, or set CSANMT_MEMORY_FILE" in capsys.readouterr().err
    assert main(["memory", "list", "--memory", str(database)]) == 4
    assert main(["memory", "import", str(database), "--memory", str(database)]) == 2
    monkeypatch.setenv("CSANMT_MEMORY_ENTRIES", "many")
    assert main(["memory", "list", "--memory", str(database)]) == 2
    assert "CSANMT_MEMORY_ENTRIES is 'many'" in capsys.readouterr().err
