"""Learns the SentencePiece models of a translation model, one a language.

Ids are SentencePiece's own: 0 is ``</s>`` (end, padding and decoder start), 1 is
``<unk>``; neither ``<s>`` nor ``<pad>`` exists. Byte fallback makes every character
representable, so nothing (emoji, rare Han, other scripts) can vanish.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from csanmt.errors import ConfigurationError, NotFoundError


@dataclass(frozen=True)
class VocabularySettings:
    """Sizes include the 256 byte pieces and the two special ids."""

    source_size: int = 8000
    target_size: int = 8000
    source_coverage: float = 0.9985
    target_coverage: float = 0.9999
    sample_pairs: int = 150_000


@dataclass(frozen=True)
class Vocabularies:
    """The pair of trained models."""

    source: sentencepiece.SentencePieceProcessor
    target: sentencepiece.SentencePieceProcessor


def train_piece_model(sentences: Iterable[str], size: int, coverage: float, out: Path) -> None:
    """Train one unigram model of exactly ``size`` pieces (fewer if the text has fewer).

    Raises:
        ConfigurationError: ``size`` cannot hold the bytes and the characters of the text.
    """
    buffer = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=buffer,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=coverage,
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="nmt_nfkc",
            remove_extra_whitespaces=True,
            eos_id=0,
            unk_id=1,
            bos_id=-1,
            pad_id=-1,
            num_threads=2,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ConfigurationError(f"vocabulary of {size} pieces cannot be trained: {error}") from error
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(buffer.getvalue())


def train_vocabularies(
    sources: Iterable[str], targets: Iterable[str], settings: VocabularySettings, directory: Path
) -> Vocabularies:
    """Write ``source.model``, ``target.model`` and ``tokenizer_config.json`` to ``directory``."""
    train_piece_model(
        sources, settings.source_size, settings.source_coverage, directory / "source.model"
    )
    train_piece_model(
        targets, settings.target_size, settings.target_coverage, directory / "target.model"
    )
    description = {"type": "sentencepiece", "source": "source.model", "target": "target.model"}
    (directory / "tokenizer_config.json").write_text(json.dumps(description, indent=2) + "\n")
    return load_vocabularies(directory)


def load_vocabularies(directory: Path) -> Vocabularies:
    """Read what ``train_vocabularies`` wrote.

    Raises:
        NotFoundError: a model file is missing.
    """
    loaded = []
    for name in ("source.model", "target.model"):
        path = directory / name
        if not path.is_file():
            raise NotFoundError(f"no SentencePiece model {str(path)!r}")
        loaded.append(sentencepiece.SentencePieceProcessor(model_file=str(path)))
    return Vocabularies(*loaded)
