"""Learns the SentencePiece models of a translation model, one a language.

Ids are SentencePiece's own: 0 is ``</s>`` (end, padding and decoder start), 1 is
``<unk>``; neither ``<s>`` nor ``<pad>`` exists. Byte fallback makes every character
representable, so nothing (emoji, rare Han, other scripts) can vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sentencepiece

from csanmt.errors import ConfigurationError
from csanmt.loading import load_tokenizer
from csanmt.tokenization import write_description
from csanmt.tokenization_copy import NAMES, Side
from training.copying import MARK, copies


@dataclass(frozen=True)
class VocabularySettings:
    """Sizes include the 256 byte pieces, the two special ids and the copy tokens.

    target_text: files of lines (the first column of TSV) that the target side learns from too,
    at most ``target_lines`` of them: text that is translated back later.
    """

    source_size: int = 8000
    target_size: int = 8000
    source_coverage: float = 0.9985
    target_coverage: float = 0.9999
    sample_pairs: int = 150_000
    copy_tokens: bool = False
    target_text: tuple[str, ...] = ()
    target_lines: int = 150_000


class Vocabularies:
    """Text ↔ ids of both sides, as training needs them: many lines at once, target too.

    Backed by any of the product's tokenizers. ModelScope's has its target split by Moses first,
    and of a line that its pieces cannot spell no ids.
    """

    def __init__(self, directory: Path) -> None:
        """
        Args:
            directory: a ``tokenizer/`` as ``load_tokenizer`` reads it.

        Raises:
            NotFoundError, ConfigurationError, CheckpointError: as ``load_tokenizer``.
        """
        self.tokenizer = load_tokenizer(directory)
        with suppress(ConfigurationError):  # it holds none
            self.tokenizer.declare_copy_tokens(NAMES)
        self._words: Callable[[str], str] = str
        if self.tokenizer.kind == "modelscope":
            from sacremoses import MosesTokenizer

            split = MosesTokenizer(lang="en").tokenize
            self._words = partial(split, escape=False, return_str=True)

    @property
    def sizes(self) -> tuple[int, int]:
        """Ids of the source and of the target side."""
        return self.tokenizer.source_size, self.tokenizer.target_size

    @property
    def copy_tokens(self) -> tuple[str, ...]:
        """Names of the copy tokens that both sides have, or none."""
        return NAMES if self.tokenizer.copy_ids("source") else ()

    def encode(self, line: str, side: Side) -> list[int]:
        """Ids of a line, copy tokens written as ``training.copying`` does."""
        if MARK.search(line):
            return self.tokenizer.encode_with_spans(line, copies(line), side)[0]
        if side == "source":
            return self.tokenizer.encode(line)
        return self.tokenizer.encode_target(self._words(line))

    def decode(self, ids: Sequence[int]) -> str:
        """Target text of target ids."""
        return self.tokenizer.decode(ids)


def train_vocabularies(
    sources: Iterable[str], targets: Iterable[str], settings: VocabularySettings, directory: Path
) -> Vocabularies:
    """Write ``source.model``, ``target.model`` and ``tokenizer_config.json`` to ``directory``.

    Unigram models of exactly the settings' sizes (fewer pieces if the text has fewer).

    Raises:
        ConfigurationError: a size cannot hold the bytes and the characters of the text.
    """
    directory.mkdir(parents=True, exist_ok=True)
    sides = (
        ("source", sources, settings.source_size, settings.source_coverage),
        ("target", targets, settings.target_size, settings.target_coverage),
    )
    for side, lines, size, coverage in sides:
        try:
            with (directory / f"{side}.model").open("wb") as stream:
                sentencepiece.SentencePieceTrainer.train(
                    sentence_iterator=iter(lines),
                    model_writer=stream,
                    model_type="unigram",
                    vocab_size=size,
                    control_symbols=list(NAMES) if settings.copy_tokens else [],
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
            what = f"vocabulary of {size} pieces cannot be trained"
            raise ConfigurationError(f"{what}: {error}") from error
    write_description(
        directory, {"type": "sentencepiece", "source": "source.model", "target": "target.model"}
    )
    return Vocabularies(directory)
