"""Translations of a long sentence's clauses become one sentence again."""

from __future__ import annotations

import pytest

from csanmt.clauses import as_part
from csanmt.segmentation import Segment, join_with_spans
from csanmt.translator import Hypothesis, Translation


@pytest.mark.parametrize(
    ("source", "answers", "expected"),
    [
        (["如果下雨，", "我们就回家。"], ["If it rains.", "We will go home."],
         "If it rains, we will go home."),
        (["如果下雨，", "汤姆就回家。"], ["If it rains", "Tom will go home."],
         "If it rains, Tom will go home."),
        (["原因有二：", "天气不好。"], ["There are two reasons", "The weather is bad."],
         "There are two reasons: the weather is bad."),
        (["他叫王强，", "我是他的老师"], ["His name is Wang Qiang,", "I am his teacher"],
         "His name is Wang Qiang, I am his teacher"),
        (["书、笔等，", "都有"], ["Books, pens, etc.", "They are all there"],
         "Books, pens, etc. they are all there"),
        (["很长很长的", "句子没有标点"], ["A very long", "The sentence has no mark."],
         "A very long the sentence has no mark."),
        # Sentences stay sentences, and lines lines.
        (["下雨了。", "我们回家。"], ["It rains.", "We go home."], "It rains. We go home."),
        (["标题：\n", "正文。"], ["Title.", "The text."], "Title.\nThe text."),
    ],
)  # fmt: skip
def test_clauses_become_one_sentence_again(
    source: list[str], answers: list[str], expected: str
) -> None:
    segments = [
        Segment("", part.strip(), part[len(part.rstrip()) :], 10 * k)
        for k, part in enumerate(source)
    ]
    translations = [Translation("", (Hypothesis(answer, 0.0),)) for answer in answers]
    parts = [as_part(t, segments, k, "en").text for k, t in enumerate(translations)]
    assert join_with_spans(segments, parts, "en")[0] == expected
    assert as_part(translations[0], segments, 0, "de") is translations[0]


def test_alignment_ends_where_the_clause_does():
    segments = [Segment("", "下雨，", "", 0), Segment("", "我走。", "", 3)]
    pairs = (((0, 2), (0, 8)), ((2, 3), (8, 9)))
    answer = Translation("下雨，", (Hypothesis("It rains.", 0.0, alignment=pairs),))
    best = as_part(answer, segments, 0, "en").hypotheses[0]
    assert (best.text, best.alignment) == ("It rains,", pairs)
    hard = [Segment("", "下雨我", "", 0), segments[1]]
    best = as_part(answer, hard, 0, "en").hypotheses[0]
    assert (best.text, best.alignment) == ("It rains", (((0, 2), (0, 8)), ((2, 3), (8, 8))))
