"""The sentences that every release shows: balanced, answerable, and out of training."""

from __future__ import annotations

from collections import Counter

import pytest

from training.card import Sentence, sentences
from training.contamination import ContaminationFilter, suite_files
from training.corpus import SentencePair


def test_there_are_five_of_each_domain():
    assert Counter(sentence.domain for sentence in sentences()) == {
        "daily life": 5,
        "news": 5,
        "business": 5,
        "health": 5,
    }


@pytest.mark.parametrize("sentence", sentences(), ids=lambda s: s.source[:8])
def test_its_reference_says_what_it_must_and_other_answers_do_not(sentence: Sentence):
    assert sentence.missing(sentence.reference) == []
    others = [other for other in sentences() if other != sentence]
    assert all(sentence.missing(other.reference) for other in others)
    assert len(sentence.must) >= 4


def test_none_of_them_may_be_trained_on():
    guard = ContaminationFilter.from_files(suite_files())
    for sentence in sentences():
        assert guard.refuses(SentencePair(sentence.source, "Something else.", "x"))
