"""Learns the SentencePiece models of a translation model, one a language.

Ids are SentencePiece's own: 0 is ``</s>`` (end, padding and decoder start), 1 is
``<unk>``; neither ``<s>`` nor ``<pad>`` exists. Byte fallback makes every character
representable, so nothing (emoji, rare Han, other scripts) can vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from csanmt.errors import ConfigurationError
from csanmt.loading import load_tokenizer
from csanmt.tokenization import Tokenizer, read_description, write_description
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

    Backed by any of the product's tokenizers. ModelScope's keeps no BPE codes for its
    target side; there, words of the target (split by Moses) are cut into the longest
    pieces the vocabulary knows.
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
        self._target: Callable[[str], list[int]] = _target_encoder(directory, self.tokenizer)

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
        return self.tokenizer.encode(line) if side == "source" else self._target(line)

    def decode(self, ids: Sequence[int]) -> str:
        """Target text of target ids."""
        return self.tokenizer.decode(ids)


def _target_encoder(directory: Path, tokenizer: Tokenizer) -> Callable[[str], list[int]]:
    if tokenizer.kind == "sentencepiece":
        name = str(read_description(directory).get("target", "target.model"))
        processor = sentencepiece.SentencePieceProcessor(model_file=str(directory / name))
        return lambda line: list(processor.encode(line))
    from sacremoses import MosesTokenizer

    words = MosesTokenizer(lang="en")
    pieces = {
        piece: i
        for i, piece in enumerate((directory / "target_vocabulary.txt").read_text().splitlines())
    }

    def encode(line: str) -> list[int]:
        cut = words.tokenize(line, escape=False)
        return [i for word in cut for i in longest_pieces(word, pieces)]

    return encode


def longest_pieces(word: str, pieces: Mapping[str, int], mark: str = "@@") -> list[int]:
    """Ids of a word cut, from the left, into the longest known pieces.

    ``pieces`` maps ``"piece@@"`` (the word goes on) and ``"piece"`` (it ends) to ids; a
    character without a piece is the id of ``<unk>``, or left out if there is none.
    """
    ids, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            name = word[start:end] + ("" if end == len(word) else mark)
            if name in pieces:
                ids.append(pieces[name])
                break
        else:
            end = start + 1
            ids.extend([pieces["<unk>"]] if "<unk>" in pieces else [])
        start = end
    return ids


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
