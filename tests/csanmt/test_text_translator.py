"""A user's text is text: what no model translates comes back unharmed, where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.errors import (
    CancelledError,
    CheckpointError,
    ConfigurationError,
    EngineUnavailableError,
    NotFoundError,
)
from csanmt.loading import load_translator
from csanmt.protected.sentence import guard, is_foreign, readable
from csanmt.text_translator import TextTranslator
from csanmt.texts import translate_texts
from csanmt.tokenization_sentencepiece import SentencePieceTokenizer
from csanmt.translator import (
    Copies,
    DecodingOptions,
    Engine,
    ShouldStop,
    TokenHypothesis,
    Translator,
)
from tests.csanmt.golden import Golden
from tests.fixtures_tiny import CHINESE, ENGLISH, piece_model

EMOJI = "👨\u200d👩\u200d👧"


@dataclass
class ScriptedEngine:
    """Answers every source with one text, its tokens aligned to the source in proportion."""

    tokenizer: SentencePieceTokenizer
    answer: str
    name: str = "scripted"
    seen: list[list[int]] = field(default_factory=list)

    def translate_ids(
        self,
        sources: Sequence[Sequence[int]],
        options: DecodingOptions = DecodingOptions(),
        *,
        prefixes: Sequence[Sequence[int]] | None = None,
        copies: Copies | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[list[TokenHypothesis]]:
        self.seen += [list(ids) for ids in sources]
        target = SentencePieceTokenizer(piece_model(ENGLISH), piece_model(ENGLISH))
        ids = tuple(target.encode(self.answer))
        results = []
        for source in sources:
            aligned = tuple(i * len(source) // len(ids) for i in range(len(ids)))
            results.append(
                [TokenHypothesis(ids, -1.0, False, aligned if options.alignment else None)]
            )
        return results


@pytest.fixture
def scripted() -> TextTranslator:
    tokenizer = SentencePieceTokenizer(piece_model(CHINESE), piece_model(ENGLISH))
    return TextTranslator(tokenizer, ScriptedEngine(tokenizer, "The weather is fine today"))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("今天天气很好", "The weather is fine today"),
        ("今天天气很好😀", "The weather is fine today 😀"),
        ("😀今天天气很好", "😀 The weather is fine today"),
        (f"今天天气很好{EMOJI}", f"The weather is fine today {EMOJI}"),
        ("\x07今天天气很好\x00", "\x07The weather is fine today\x00"),
        ("\ufeff今天天气很好", "\ufeffThe weather is fine today"),
        ("😀😀 🚀", "😀😀 🚀"),
        ("\x00", "\x00"),
        ("", ""),
        (" \t", ""),
    ],
)
def test_what_the_vocabulary_lacks_is_carried_over(
    scripted: TextTranslator, source: str, text: str
) -> None:
    assert scripted.translate([source])[0].text == text


def test_an_emoji_within_a_sentence_stands_between_words(scripted: TextTranslator) -> None:
    text = scripted.translate(["今天😀天气很好"])[0].text
    assert text.replace(" 😀", "") == "The weather is fine today"
    assert not text.endswith("😀")
    assert text != "The weather is fine today"


def test_a_foreign_phrase_is_carried_over_whole(scripted: TextTranslator) -> None:
    text = scripted.translate(["今天สวัสดี ครับ天气很好"])[0].text
    assert "สวัสดี ครับ" in text


def test_alignment_counts_in_the_users_characters(scripted: TextTranslator) -> None:
    source = "😀今天天气很好"
    (best,) = scripted.translate([source], DecodingOptions(alignment=True))[0].hypotheses
    assert best.alignment is not None
    for (a, b), (c, d) in best.alignment:
        assert "😀" not in source[a:b]
        assert "😀" not in best.text[c:d]
    assert "".join(best.text[c:d] for _, (c, d) in best.alignment) == "Theweatherisfinetoday"


def test_markers_are_text(scripted: TextTranslator) -> None:
    engine = scripted.engine
    assert isinstance(engine, ScriptedEngine)
    for marker in ("<SENT_SPLIT>", "@@", "<unk>", "</s>", "<0x0A>", "<copy0>"):
        engine.seen.clear()
        scripted.translate([f"今天{marker}天气"])
        assert engine.seen
        assert not any(token in ids for ids in engine.seen for token in (0, 1))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=30))
def test_lifting_loses_no_character(text: str) -> None:
    foreign = partial(is_foreign, represents=lambda c: c in "今天天气很好abc")
    guarded = guard(text, foreign)
    rebuilt, at = "", 0
    for run in guarded.carried:
        rebuilt += guarded.text[at : run.at] + run.surface
        at = run.at
    assert rebuilt + guarded.text[at:] == readable(text, foreign)


def test_any_text_comes_back_with_all_that_cannot_be_translated(tiny_directory: Path) -> None:
    translator = load_translator(tiny_directory, engine="torch")
    options = DecodingOptions(beam=1, max_length=12)
    text = f"今天😀天气。\x02很好{EMOJI}！\n\n\u3000谢谢สวัสดี你。\ue000"
    (result,) = translate_texts(translator, [text], options)
    for kept in ("😀", "\x02", EMOJI, "\n\n\u3000", "สวัสดี", "\ue000"):
        assert kept in result.text


def test_the_protocols_are_met(tiny_directory: Path) -> None:
    translator = load_translator(tiny_directory, engine="torch", model_tag="tiny:v1.0.0")
    assert isinstance(translator, Translator)
    assert isinstance(translator.engine, Engine)
    assert (translator.model_tag, translator.source_language) == ("tiny:v1.0.0", "zh")
    assert translator.count_tokens("今天") >= 1


def test_an_answer_does_not_depend_on_its_batch(tiny_directory: Path) -> None:
    translator = load_translator(tiny_directory, engine="torch")
    options = DecodingOptions(max_length=20)
    lines = CHINESE.splitlines()
    together = translator.translate(lines, options)
    assert [translator.translate([line], options)[0] for line in lines] == together


def test_unknown_answers_are_replaced_by_the_source_words_they_looked_at(
    golden: object,
) -> None:
    opened: Golden = golden("A")  # type: ignore[operator]
    tokenizer = opened.translator.tokenizer

    class Unknowing:
        name = "unknowing"

        def translate_ids(
            self,
            sources: Sequence[Sequence[int]],
            options: DecodingOptions = DecodingOptions(),
            **_: object,
        ) -> list[list[TokenHypothesis]]:
            seen = (1, 0) if options.alignment else None
            return [[TokenHypothesis((260, 260), -1.0, False, seen)] for _ in sources]

    assert tokenizer.is_unknown_target(260)
    translator = TextTranslator(tokenizer, Unknowing())
    assert translator.translate(["今天我们"])[0].text == "我们 今天"


def test_cancelling_stops_the_work(tiny_directory: Path) -> None:
    translator = load_translator(tiny_directory, engine="torch")
    with pytest.raises(CancelledError):
        translator.translate(["今天天气很好。"], should_stop=lambda: True)


def test_a_model_that_cannot_be_loaded_says_why(tiny_directory: Path, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(NotFoundError, match="no model directory"):
        load_translator(tmp_path / "none")
    with pytest.raises(NotFoundError, match=r"config\.json is missing"):
        load_translator(tmp_path)
    with pytest.raises(ConfigurationError, match="engine is 'gpu'; allowed is native, torch"):
        load_translator(tiny_directory, engine="gpu")
    with pytest.raises(EngineUnavailableError, match=r"engine\.bin"):
        load_translator(tiny_directory, engine="native")
    copy = tmp_path / "copy"
    shutil.copytree(tiny_directory, copy)
    (copy / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="damaged"):
        load_translator(copy, engine="torch")
    (copy / "model.safetensors").unlink()
    with pytest.raises(NotFoundError, match=r"neither model\.safetensors nor engine\.bin"):
        load_translator(copy)


def test_tokenizer_and_weights_of_different_models_are_refused(
    tiny_directory: Path, tmp_path: Path
) -> None:
    import json
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_directory, copy)
    config = json.loads((copy / "config.json").read_text())
    config["vocab_size"] = 100
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="source tokenizer has"):
        load_translator(copy, engine="torch")
