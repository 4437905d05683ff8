from __future__ import annotations

import subprocess
import sys

import pytest

from csanmt.texts import translate_texts
from csanmt.translator import DecodingOptions
from tests.stub_translator import StubTranslator


@pytest.fixture
def stub() -> StubTranslator:
    return StubTranslator({"你好。": "Hello.", "再见！": "Goodbye!", "第二段": "Second"})


def test_layout_is_kept_and_sentences_of_a_line_are_spaced(stub: StubTranslator) -> None:
    (result,) = translate_texts(stub, ["  你好。再见！\r\n\r\n\u3000\u3000第二段\n"])
    assert result.text == "  Hello. Goodbye!\r\n\r\n\u3000\u3000Second\n"
    assert not result.split
    assert not result.truncated
    for piece in result.segments:
        assert result.source[slice(*piece.source_span)] == piece.translation.source
        assert result.text[slice(*piece.target_span)] == piece.translation.text


def test_each_distinct_sentence_is_translated_once(stub: StubTranslator) -> None:
    translate_texts(stub, ["你好。再见！", "再见！你好。"])
    assert stub.calls == [["你好。", "再见！"]]


@pytest.mark.parametrize("text", ["", " \n ", "3.14", "print('hi')", "https://a.cn/b", "😀", "！"])
def test_text_without_chinese_is_kept_as_it_is(stub: StubTranslator, text: str) -> None:
    (result,) = translate_texts(stub, [text])
    assert result.text == text
    assert stub.calls == []
    assert all(piece.copied for piece in result.segments if piece.translation.text)


def test_a_long_sentence_is_split_and_says_so(stub: StubTranslator) -> None:
    text = "今天天气很好，我们去公园散步吧，他昨天从北京到上海开会，这本书讲述了一个故事"
    (result,) = translate_texts(stub, [text], max_tokens=20)
    assert result.split
    assert all(piece.split for piece in result.segments)
    assert "".join(stub.calls[0]) == text
    assert all(len(sentence) <= 20 for sentence in stub.calls[0])


def test_alternatives_are_made_of_each_sentences_hypotheses(stub: StubTranslator) -> None:
    (result,) = translate_texts(stub, ["你好。再见！"], DecodingOptions(n_best=2))
    assert result.alternatives == ("Hello. Goodbye!", "Hello. (2) Goodbye! (2)")


def test_importing_the_package_loads_no_framework() -> None:
    code = (
        "import sys, csanmt, csanmt.texts, csanmt.translator, csanmt.loading\n"
        "print([m for m in ('torch', 'transformers', 'bentoml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
