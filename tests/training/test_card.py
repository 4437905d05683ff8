"""The tables of a model card."""

from __future__ import annotations

from pathlib import Path

from csanmt.translator import DecodingOptions
from tests.stub_translator import StubTranslator
from training.card import run_section, sentences, showcase_section, text_section


def test_every_source_of_the_text_stands_with_its_licence():
    table = text_section({"tatoeba": 3, "tatoeba:short": 1_000, "wesnoth": 7, "mine": 2})
    rows = [line.split(" | ")[:4] for line in table.splitlines()]
    assert rows[0] == ["| source", "domain", "pairs", "licence"]
    assert rows[2][:3] == ["| tatoeba", "everyday", "1,003"]
    assert rows[3][:3] == ["| mine", "other", "2"]
    assert rows[4][2:] == ["7", "GPL-2+ (debian/copyright)"]


def test_the_run_is_a_line_for_every_evaluation(tmp_path: Path):
    log = tmp_path / "v1.jsonl"
    log.write_text(
        '{"recipe": "a", "step": 5, "tokens": 1, "seconds": 9, "changed": [], "data": ""}\n'
        '{"recipe": "a", "step": 1200, "tokens": 9500000, "seconds": 7200, "training": 3.0,'
        ' "loss": 2.5, "held/news": 3.25, "tokens_per_second": 100}\n',
        encoding="utf-8",
    )
    assert run_section(log).splitlines() == [
        "| recipe | steps | target tokens | hours | dev | news |",
        "|---|---|---|---|---|---|",
        "| a | 1,200 | 9.5 M | 2.00 | 2.500 | 3.250 |",
    ]


def test_an_answer_stands_beside_what_it_lacks():
    first, second = sentences()[:2]
    answers = {first.source: first.reference, second.source: "A | child"}
    table = showcase_section(StubTranslator(answers), DecodingOptions()).splitlines()
    assert table[2].endswith("| nothing |")
    assert "A \\| child" in table[3]
    assert "`math`" in table[3]
    assert table[-1] == "1 of 20 say what they must."
