"""Traditional characters: what is converted, what stays, and that offsets do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csanmt.errors import ConfigurationError
from csanmt.loading import load_tokenizer, load_translator
from csanmt.simplification import certainly_traditional, simplified
from csanmt.terms import TermIndex
from csanmt.texts import translate_texts
from csanmt.tokenization_sentencepiece import SentencePieceTokenizer
from csanmt.translator import DecodingOptions
from csanmt.version import write_json

DEFAULT = Path(__file__).parents[2] / "model_store" / "default"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我們下週在臺北開會。", "我们下周在台北开会。"),
        ("她隨著音樂跳舞，看著窗外。", "她随着音乐跳舞，看着窗外。"),
        ("頭髮長了，發展很快。", "头发长了，发展很快。"),
        ("裏面的麵包賣完了", "里面的面包卖完了"),
        ("乾隆皇帝吃餅乾", "乾隆皇帝吃饼干"),
        ("甚麼時候復課？", "甚么时候复课？"),
        ("𠀋壞了，請走樓梯", "𠀋坏了，请走楼梯"),
        # Simplified already, or neither: as it is.
        ("著名作家在乾县瞭望，藉此机会征询后来的意见。", None),
        ("这本书的作者姓於。", None),
        ("API 返回 200，约 3.5 万元 😀", None),
        ("", None),
        # Japanese and Korean: as it is, beside Chinese too.
        ("東京駅で会いましょう。", None),
        ("学校へ行く時間です", None),
        ("漢字와 한글", None),
        ("店名叫「優の良品」，在東門。", "店名叫「優の良品」，在东门。"),
        ("我買了『東京ばな奈』和茶葉。", "我买了『東京ばな奈』和茶叶。"),
        ("半\ud83d個", "半\ud83d个"),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str | None):
    assert simplified(text) == (text if expected is None else expected)


@given(st.text(alphabet="們開髮著乾後裡台臺の한这本書\ud83d, a😀𨋢", max_size=40))
def test_every_offset_stays(text: str):
    assert len(simplified(text)) == len(text)


def test_every_character_becomes_one_and_simplified_ones_none():
    han = "".join(chr(code) for code in range(0x4E00, 0xA000))
    assert len(simplified(han)) == len(han)
    assert len(certainly_traditional()) > 3000
    assert certainly_traditional().isdisjoint("乾著瞭藉於後徵余沈里面后发台")


# --- where a version asks for it ------------------------------------------------------------------


def tokenizer(simplify: bool) -> SentencePieceTokenizer:
    found = load_tokenizer(DEFAULT)
    assert isinstance(found, SentencePieceTokenizer)
    found.simplify_source = simplify
    return found


def test_ids_are_those_of_the_simplified_text_and_spans_those_of_the_text():
    traditional, plain = "請問圖書館幾點開門？", "请问图书馆几点开门？"
    ids, spans = tokenizer(True).encode_with_spans(traditional)
    assert (ids, spans) == tokenizer(False).encode_with_spans(plain)
    assert tokenizer(True).encode(traditional) == ids
    assert tokenizer(True).encode_with_spans(traditional, (), "source")[0] == ids
    assert tokenizer(False).encode(traditional) != ids
    assert len(ids) < len(tokenizer(False).encode(traditional))  # which are mostly bytes


@pytest.fixture(scope="module")
def translators():
    plain, converting = load_translator(DEFAULT), load_translator(DEFAULT)
    converting.tokenizer.simplify_source = True
    return plain, converting


def test_a_translation_is_that_of_the_simplified_text(translators):
    plain, converting = translators
    options = DecodingOptions(beam=1, alignment=True)
    (found,) = translate_texts(converting, ["他們明天坐飛機去臺灣。"], options)
    (wanted,) = translate_texts(plain, ["他们明天坐飞机去台湾。"], options)
    assert (found.text, found.source) == (wanted.text, "他們明天坐飛機去臺灣。")
    aligned = found.segments[0].translation.hypotheses[0].alignment
    assert aligned == wanted.segments[0].translation.hypotheses[0].alignment


def test_what_is_protected_comes_back_in_its_own_script(translators):
    options = DecodingOptions(beam=2, protect=("臺灣之光",))
    (found,) = translate_texts(translators[1], ["歡迎來到臺灣之光，這裡很美。"], options)
    assert found.text.count("臺灣之光") == 1
    assert "美" not in found.text


@pytest.mark.parametrize("term", ["計程車", "计程车"])
def test_a_glossary_in_either_script_is_followed(translators, term: str):
    options = DecodingOptions(beam=2, terms=((term, "taxicab"),))
    for text in ("我叫了一輛計程車。", "我叫了一辆计程车。"):
        (found,) = translate_texts(translators[1], [text], options)
        assert "taxicab" in found.text
        assert TermIndex([(term, "taxicab")]).used_in([text]) == ((term, "taxicab"),)


def test_the_configuration_asks_for_it(tmp_path: Path):
    write_json(tmp_path / "config.json", {"model_type": "csanmt", "simplify_source": True})
    (tmp_path / "tokenizer").mkdir()
    for path in (DEFAULT / "tokenizer").iterdir():
        (tmp_path / "tokenizer" / path.name).write_bytes(path.read_bytes())
    assert load_tokenizer(tmp_path).simplify_source
    write_json(tmp_path / "config.json", {"model_type": "csanmt"})
    assert not load_tokenizer(tmp_path).simplify_source
    write_json(tmp_path / "config.json", {"model_type": "csanmt", "simplify_source": "yes"})
    with pytest.raises(ConfigurationError, match="simplify_source is 'yes'; allowed is true"):
        load_tokenizer(tmp_path)
