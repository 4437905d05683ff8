"""The record of long sentences counts what is dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.long_sentences import main, measure, table
from csanmt.translator import DecodingOptions
from tests.stub_translator import StubTranslator

RECORD = Path(__file__).parents[2] / "benchmarks" / "long_sentences.json"
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
    results = measure(Counting(), [LONG], [reference], [20, 100])
    whole, split = results
    assert (whole.limit, whole.split, whole.tokens) == (100, 0, 48)
    assert (split.limit, split.split) == (20, 1)
    assert split.ratio > 2 * whole.ratio
    assert split.names > whole.names
    assert "| 48+ | 20 | 1 | 1 |" in table(results)


def test_the_committed_record_shows_that_nothing_is_dropped():
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert "version:" in record["bleu"] and "version:" in record["chrf2"]
    rows = {(row["limit"], row["tokens"]): row for row in record["results"]}
    for tokens in (48, 64):
        whole, split = rows[128, tokens], rows[48, tokens]
        assert split["ratio"] > 0.9 > whole["ratio"]
        for key in ("bleu", "chrf2", "numbers", "names"):
            assert split[key] > whole[key]


def test_source_and_reference_files(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "a.zh").write_text(LONG + "\n", encoding="utf-8")
    (tmp_path / "a.en").write_text("They lived in Beijing for 12 years.\n", encoding="utf-8")
    monkeypatch.setattr("benchmarks.long_sentences.load_translator", lambda _: Counting())
    files = ["--source", str(tmp_path / "a.zh"), "--reference", str(tmp_path / "a.en")]
    main(["model", *files, "--limits", "20", "--out", str(tmp_path / "out.json")])
    assert "| 48+ | 20 | 1 | 1 |" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text())["set"] == "a.zh"


@pytest.mark.parametrize("limit", [128])
def test_a_short_sentence_is_untouched_by_any_limit(limit: int):
    (row,) = measure(Counting(), ["你好。"], ["Hello."], [limit])
    assert row.split == 0
