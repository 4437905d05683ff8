from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.errors import CheckpointError, ConfigurationError, NotFoundError
from csanmt.loading import load_tokenizer
from csanmt.modelscope.tokenization import ModelScopeTokenizer, match_in_order
from csanmt.tokenization import Tokenizer
from csanmt.tokenization_sentencepiece import SentencePieceTokenizer
from tests.csanmt.golden import GOLDENS
from tests.csanmt.reference_translator import decode_like_reference
from tests.fixtures_tiny import CHINESE, ENGLISH, piece_model

AWKWARD = ["", " ", "\n", "你好😀", "</s> <unk> <0x0A> @@ <SENT_SPLIT>", "a\x00b", "ﬁ ℃ ＡＢ",
           "\ud800x", "👨\u200d👩\u200d👧", "▁", "天\u3000气", "é龘"]  # fmt: skip


def pieces() -> SentencePieceTokenizer:
    return SentencePieceTokenizer(piece_model(CHINESE), piece_model(ENGLISH))


def words(source: str = "zh", target: str = "en", known: str = "") -> ModelScopeTokenizer:
    place = GOLDENS / "A" / "model"
    return ModelScopeTokenizer(
        (place / "src_vocab.txt").read_text(encoding="utf-8"),
        known or (place / "trg_vocab.txt").read_text(encoding="utf-8"),
        (place / "bpe.zh").read_text(encoding="utf-8"),
        source_size=500,
        target_size=len(known.split()) or 261,
        source_language=source,
        target_language=target,
    )


@pytest.fixture(scope="module", params=[pieces, words, lambda: words("en", "zh")])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    made: Tokenizer = request.param()
    return made


@pytest.mark.parametrize("text", AWKWARD)
def test_spans_go_with_ids_and_lie_in_the_text(tokenizer: Tokenizer, text: str) -> None:
    ids, spans = tokenizer.encode_with_spans(text)
    assert ids == tokenizer.encode(text)
    assert len(spans) == len(ids)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert all(0 < token < tokenizer.source_size for token in ids), "nothing is read as eos"


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("天气很好a @<>/")),
        max_size=40,
    )
)
def test_spans_of_any_text_are_in_order(text: str) -> None:
    for made in (_PIECES, _WORDS):
        ids, spans = made.encode_with_spans(text)
        assert ids == made.encode(text)
        assert spans == sorted(spans)
        assert all(0 <= start <= end <= len(text) for start, end in spans)


_PIECES, _WORDS = pieces(), words()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 260), max_size=30))
def test_decoding_any_ids_gives_spans_of_the_text(ids: list[int]) -> None:
    for made in (_PIECES, _WORDS):
        text, spans = made.decode_with_spans(ids)
        length = ids.index(0) if 0 in ids else len(ids)
        assert text == made.decode(ids)
        assert len(spans) == length
        assert all(0 <= start <= end <= len(text) for start, end in spans)
        assert "▁" not in text


def test_sentencepiece_round_trips_what_it_was_trained_on() -> None:
    both = SentencePieceTokenizer(piece_model(ENGLISH), piece_model(ENGLISH))
    for line in [*ENGLISH.splitlines(), "Emoji 😀 and 龘 in bytes"]:
        assert both.decode(both.encode(line)) == line


def test_decoding_leaves_out_bytes_that_form_no_character() -> None:
    both = SentencePieceTokenizer(piece_model(ENGLISH), piece_model(ENGLISH))
    whole = both.encode("😀")[-4:]
    assert both.decode(whole) == "😀"
    assert both.decode(whole[:2]) == ""
    assert both.decode([whole[1], *whole]) == "😀"
    assert both.decode_with_spans(whole)[1] == [(0, 0), (0, 0), (0, 0), (0, 1)]


def test_a_rare_han_is_read_in_bytes_and_an_emoji_is_not() -> None:
    assert pieces().represents("天")
    assert pieces().represents("龘")
    assert pieces().represents("é")
    assert not pieces().represents("😀")
    assert not pieces().represents("\x07")
    assert not pieces().represents("ส")


def test_markers_in_the_answer_are_undone_only_where_bpe_put_them() -> None:
    made = words()
    tokens = made._tokens
    glued = [tokens.index(next(t for t in tokens if t.endswith("@@"))), tokens.index("?")]
    first = tokens[glued[0]][:-2]
    assert made.decode(glued) == decode_like_reference(made, glued) == first + "?"
    dash = [glued[0], tokens.index("@-@")]
    assert made.decode(dash) == first + "-"
    assert decode_like_reference(made, dash) == first + "@-@"


def test_an_id_beyond_the_vocabulary_file_is_unknown() -> None:
    made = words()
    assert made.is_unknown_target(261)
    assert made.decode([261]) == "<unk>"


@pytest.mark.parametrize(
    ("text", "ids"),
    [("lower", [2, 3]), ("low", [4]), ("lo lower", [5, 6, 2, 3]), ("lox", []), ("", [])],
)
def test_target_words_are_cut_into_the_longest_known_pieces(text: str, ids: list[int]) -> None:
    tokenizer = words(known="</s>\n<unk>\nlow@@\ner\nlow\nl@@\no")
    assert tokenizer.encode_target(text) == ids


def test_other_source_languages_go_through_moses() -> None:
    made = words("en", "zh")
    assert made._words.tokenize("It's <b> well-known.") == "It &apos;s &lt; b &gt; well @-@ known ."
    text = "It's well-known."
    ids, spans = made.encode_with_spans(text)
    assert "".join(text[a:b] for a, b in dict.fromkeys(spans)) == text.replace(" ", "")
    assert len(ids) == len(spans)


@pytest.mark.parametrize("make", [pieces, words])
def test_a_tokenizer_round_trips_through_its_files(make: object, tmp_path: Path) -> None:
    made: Tokenizer = make()  # type: ignore[operator]
    made.save(tmp_path / "tokenizer")
    for place in (tmp_path, tmp_path / "tokenizer"):
        again = load_tokenizer(place)
        assert again.kind == made.kind
        for text in [*AWKWARD, *CHINESE.splitlines()]:
            assert again.encode(text) == made.encode(text)
        assert again.decode(range(1, 100)) == made.decode(range(1, 100))


def test_a_bad_tokenizer_directory_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"tokenizer_config\.json is missing"):
        load_tokenizer(tmp_path)
    description = tmp_path / "tokenizer_config.json"
    description.write_text("{")
    with pytest.raises(ConfigurationError, match="not JSON"):
        load_tokenizer(tmp_path)
    description.write_text('{"type": "pickle"}')
    with pytest.raises(ConfigurationError, match="'pickle'; allowed is modelscope, sentencepiece"):
        load_tokenizer(tmp_path)
    description.write_text('{"type": "sentencepiece"}')
    with pytest.raises(NotFoundError, match=r"source\.model"):
        load_tokenizer(tmp_path)
    for name in ("source.model", "target.model"):
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="not a SentencePiece model"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("parts", "text", "spans"),
    [
        (["ab", "c"], "ab c", [(0, 2), (3, 4)]),
        (["a", "?", "c"], "a！c", [(0, 1), (1, 2), (2, 3)]),
        (["x"], "", [(0, 0)]),
        (["a", "", "b"], "a b", [(0, 1), (2, 2), (2, 3)]),
    ],
)
def test_parts_are_found_in_order(
    parts: list[str], text: str, spans: list[tuple[int, int]]
) -> None:
    assert match_in_order(parts, text) == spans
