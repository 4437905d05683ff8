"""The record of long sentences counts what is dropped."""

from __future__ import annotations

from pathlib import Path

from benchmarks.long_sentences import main, measure, table
from benchmarks.suite import Suite
from csanmt.translator import DecodingOptions
from tests.stub_translator import StubTranslator

RECORD = Path(__file__).parents[2] / "docs" / "benchmarks.md"
LONG = "他们在北京住了12年，后来去了上海，" * 3 + "现在回来了。"


class Counting(StubTranslator):
    """One token a character; of a sentence it answers the first clause alone, as a model that
    drops the rest does."""

    decoding = DecodingOptions()

    def _one(self, source, options):
        first = source.split("，")[0]
        words = {"他们在北京住了12年": "They lived in Beijing for 12 years"}
        return self.__class__(answers={source: words.get(first, "then in Shanghai")})._plain(source)

    def _plain(self, source):
        return StubTranslator(answers=self.answers).translate([source])[0]


def test_splitting_brings_back_what_is_dropped():
    reference = "They lived in Beijing for 12 years, then in Shanghai, " * 3 + "now they are back."
    whole, split = results = list(
        measure(Counting(), Suite("x", (LONG,), ((reference,),)), [20, 100])
    )
    assert (whole["limit"], whole["split"], whole["tokens"]) == (100, 0, 48)
    assert (split["limit"], split["split"]) == (20, 1)
    assert split["length ratio"] > 2 * whole["length ratio"]
    assert split["names"] > whole["names"]
    assert "| 48 | 20 | 1 | 1 |" in table(results)


def test_the_committed_record_shows_that_nothing_is_dropped():
    lines = RECORD.read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    at = next(i for i, row in enumerate(rows) if row[:1] == ["48-63"])
    whole, split = rows[at], rows[at + 1]
    assert (whole[2], split[2]) == ("128", "48")
    for column in range(4, 9):  # BLEU, chrF2, length ratio, numbers, names
        assert float(split[column].strip(" %")) > float(whole[column].strip(" %"))


def test_a_folder_is_measured(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.zh").write_text(LONG + "\n", encoding="utf-8")
    (tmp_path / "a.en").write_text("They lived in Beijing for 12 years.\n", encoding="utf-8")
    monkeypatch.setattr("benchmarks.long_sentences.load_translator", lambda _: Counting())
    main(["model", str(tmp_path), "--limits", "20"])
    assert "| 48 | 20 | 1 | 1 |" in capsys.readouterr().out


def test_a_short_sentence_is_untouched_by_any_limit():
    (row,) = measure(Counting(), Suite("x", ("你好。",), (("Hello.",),)), [128])
    assert row["split"] == 0
