from __future__ import annotations

from typing import Any

import pytest

from csanmt.cleaning import clean_text, parse_result, parse_results
from csanmt.errors import InvalidInputError
from csanmt.translator import Hypothesis, Translation


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("Hello world", "Hello world"),
        ({"translation": "Hello"}, "Hello"),
        ({"translation_text": "Hello"}, "Hello"),
        ({"text": "Hello"}, "Hello"),
        ({"output": "Hello"}, "Hello"),
        ({"output": {"translation": "Hello"}}, "Hello"),
        ([{"translation_text": "Hello"}], "Hello"),
        ([[{"generated_text": "Hello"}]], "Hello"),
        ({"data": {"translations": [{"translatedText": "Hello"}]}}, "Hello"),
        ({"translation": ["Hello", "Bye"]}, "Hello\nBye"),
        ({"translation": "", "source": "x"}, ""),
        ({"translation": None, "text": "Hello"}, "Hello"),
        ({"answer": "Hello"}, "Hello"),
        ({"src": "你好", "translation": "Hello", "score": -0.3}, "Hello"),
        (b"Hello", "Hello"),
        (("Hello",), "Hello"),
        (Translation("你好", (Hypothesis("Hello", 0.0),)), "Hello"),
    ],
)
def test_text_is_found_in_any_shape(result: Any, text: str) -> None:
    assert parse_result(result) == text


@pytest.mark.parametrize("result", [None, 3, [], {}, {"score": 1.0, "n": 2}, [None, {}]])
def test_a_result_without_text_is_refused(result: Any) -> None:
    with pytest.raises(InvalidInputError, match="no translation"):
        parse_result(result)


def test_a_bottomless_nest_is_refused() -> None:
    nest: list[Any] = []
    nest.append(nest)
    with pytest.raises(InvalidInputError, match="nested deeper"):
        parse_result(nest)


def test_modelscopes_sentences_stay_apart() -> None:
    assert parse_results({"translation": "One.<SENT_SPLIT>Two."}) == ["One.", "Two."]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("ma@@ chine trans@@ lation", "machine translation"),
        ("well @-@ known", "well-known"),
        ("<s> Hello </s> <pad> <pad>", "Hello"),
        ("Hello<unk>world", "Hello world"),
        ("▁Hel lo ▁world", "Hello world"),
        ("One.<SENT_SPLIT>Two.", "One. Two."),
        ("  two   spaces\t\n\nnext ", "two spaces\n\nnext"),
        ("mail a@b.org, a<b and 3 @ 4", "mail a@b.org, a<b and 3 @ 4"),
    ],
)
def test_no_marker_is_left(raw: str, text: str) -> None:
    assert clean_text(raw) == text
    assert clean_text(text) == text
