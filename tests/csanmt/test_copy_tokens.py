"""Copy tokens: declared by a version, found in no text, kept through encoding and decoding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.configuration import CsanmtConfig
from csanmt.errors import ConfigurationError
from csanmt.loading import load_tokenizer
from csanmt.tokenization_copy import COPY_CHARACTER, NAMES
from csanmt.tokenization_sentencepiece import SentencePieceTokenizer
from tests.fixtures_tiny import CHINESE, ENGLISH, piece_model, tiny_model_dir


def declared() -> SentencePieceTokenizer:
    source, target = (piece_model(text, control=NAMES) for text in (CHINESE, ENGLISH))
    tokenizer = SentencePieceTokenizer(source, target)
    tokenizer.declare_copy_tokens(NAMES)
    return tokenizer


TOKENIZER = declared()
C = list(range(16))  # in a list of texts, the number of a copy token
Segments = list[str | int]


def encode(segments: Segments, side="source"):
    text, places = "", []
    for segment in segments:
        places += [(len(text), segment)] if isinstance(segment, int) else []
        text += "?" if isinstance(segment, int) else segment
    return TOKENIZER.encode_with_spans(text, places, side)


def decode(ids: list[int]):
    text, spans = TOKENIZER.decode_with_spans(ids)
    known = TOKENIZER.copy_ids("target")
    segments, last = [], 0
    for token, (start, end) in zip(ids, spans, strict=False):
        if token in known:
            segments += [text[last:start], known.index(token)]
            assert text[start:end] == COPY_CHARACTER
            last = end
    return [part for part in [*segments, text[last:]] if part != ""], spans


@pytest.mark.parametrize(
    ("segments", "text"),
    [
        (["今天", C[3], "天气很好。"], "今天#天气很好。"),
        ([C[0]], "#"),
        ([C[15], C[0], "。"], "##。"),
        (["给 ", C[1], " 打电话"], "给 # 打电话"),
        (["今天", C[1], "\U0010f000很好", C[2]], "今天#\U0010f000很好#"),
        ([" ", C[4]], " #"),
        (["公司", C[5], "\ud800", C[6]], "公司#\ud800#"),
    ],
)
def test_a_source_text_is_encoded_with_copy_tokens_in_it(segments: Segments, text: str):
    ids, spans = encode(segments)
    known = TOKENIZER.copy_ids("source")
    wanted = [known[s] for s in segments if isinstance(s, int)]
    assert [token for token in ids if token in known] == wanted
    places = [span for token, span in zip(ids, spans, strict=True) if token in known]
    assert [text[a:b].strip() for a, b in places] == ["#"] * len(wanted)
    assert spans == sorted(spans)


@pytest.mark.parametrize(
    "segments",
    [
        ["Take the train to ", C[2], "."],
        [C[7], " is out, and so is ", C[1]],
        ["The price is (", C[0], ")."],
        [C[0], C[1]],
        ["Today"],
    ],
)
def test_a_target_text_comes_back_with_its_copy_tokens(segments: Segments):
    ids, _ = encode(segments, "target")
    again, spans = decode([*ids, 0, 5])
    assert again == segments
    assert len(spans) == len(ids)


TYPED = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from([*NAMES, "<copy0", "</s>", "\U0010f000", "￼", "▁<copy1>"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TYPED, max_size=6).map("".join))
def test_no_text_encodes_to_a_copy_token(text: str):
    for side, ids in (
        ("source", TOKENIZER.encode(text)),
        ("target", TOKENIZER.encode_target(text)),
    ):
        assert not set(ids) & set(TOKENIZER.copy_ids(side))
        assert not set(encode([text], side)[0]) & set(TOKENIZER.copy_ids(side))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(TYPED, st.sampled_from(C)), max_size=8))
def test_as_many_copy_tokens_are_encoded_as_are_given(segments: Segments):
    for side in ("source", "target"):
        known = TOKENIZER.copy_ids(side)
        ids, _ = encode(segments, side)
        numbers = [s for s in segments if isinstance(s, int)]
        assert [known.index(token) for token in ids if token in known] == numbers


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 435), max_size=30))
def test_decoding_any_ids_keeps_every_copy_token(ids: list[int]):
    known = TOKENIZER.copy_ids("target")
    segments, spans = decode(ids)
    before = ids[: ids.index(0)] if 0 in ids else ids
    numbers = [s for s in segments if isinstance(s, int)]
    assert numbers == [known.index(token) for token in before if token in known]
    assert len(spans) == len(before)
    assert "<copy" not in TOKENIZER.decode(ids)


def test_a_version_declares_them_in_its_configuration(tmp_path: Path):
    place = tiny_model_dir(tmp_path / "model", copy_tokens=NAMES)
    tokenizer = load_tokenizer(place)
    assert tokenizer.copy_ids("source") == tokenizer.copy_ids("target") == tuple(range(2, 18))
    assert CsanmtConfig.from_pretrained(place).copy_tokens == list(NAMES)
    assert load_tokenizer(place / "tokenizer").copy_ids("source") == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (list(NAMES[:15]), "allowed is a list of 16 different pieces, or none"),
        ([*NAMES[:15], NAMES[0]], "16 different"),
        ("<copy0>", "copy_tokens is .<copy0>.; allowed is a list"),
        ([*NAMES[:15], 3], "is 3; allowed is a string"),
        ([*NAMES[:15], "<copy99>"], "'<copy99>' is not a control piece of the source vocabulary"),
        ([*NAMES[:15], "</s>"], "'</s>' is not a control piece"),
        ([*NAMES[:15], "<0x41>"], "'<0x41>' is not a control piece"),
        ([*NAMES[:15], "▁"], "'▁' is not a control piece"),
    ],
)
def test_what_is_no_copy_token_is_refused(tmp_path: Path, names: object, message: str):
    place = tiny_model_dir(tmp_path / "model", copy_tokens=NAMES)
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    (place / "config.json").write_text(json.dumps({**config, "copy_tokens": names}))
    with pytest.raises(ConfigurationError, match=message):
        load_tokenizer(place)


def test_without_a_declaration_a_copy_token_is_refused():
    bare = SentencePieceTokenizer(piece_model(CHINESE), piece_model(ENGLISH))
    assert bare.copy_ids("source") == bare.copy_ids("target") == ()
    assert bare.encode_with_spans("今天")[0] == bare.encode("今天")
    with pytest.raises(ConfigurationError, match="no copy tokens"):
        bare.encode_with_spans("今天?", [(2, 0)])
