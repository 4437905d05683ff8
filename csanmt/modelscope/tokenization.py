"""ModelScope's CSANMT tokenizer: jieba or Moses, then subword-nmt BPE, then ids; Moses back.

``encode`` is ModelScope's pipeline to the letter; ``decode`` differs where that
pipeline damages text: it takes away only the markers that BPE put there, not every
``@@``, and undoes Moses' `` @-@ ``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csanmt.errors import CheckpointError, ConfigurationError, NotFoundError
from csanmt.modelscope.words import Words
from csanmt.tokenization import Span, write_description
from csanmt.tokenization_copy import Copies, Side

if TYPE_CHECKING:
    from subword_nmt.apply_bpe import BPE

SOURCE_VOCABULARY, TARGET_VOCABULARY = "source_vocabulary.txt", "target_vocabulary.txt"
SOURCE_BPE = "source.bpe"
UNKNOWN = "<unk>"
_MARK = "@@"
_CACHED_WORDS = 100_000
_LOOK_AHEAD = 12  # characters skipped at most where a piece is spelt otherwise in the text
# A vocabulary file may be shorter than the embedding by the ids kept free for unknown words.
_FREE_IDS = 16


class ModelScopeTokenizer:
    """See ``csanmt.tokenization.Tokenizer``.

    Args:
        source_vocabulary, target_vocabulary: contents of the files, one token a line;
            line i is id i, a repeated token keeps its last line, id 0 is eos.
        codes: contents of the source side's BPE codes.
        source_size, target_size: rows of the embeddings; the source's last row is "unknown".

    Raises:
        CheckpointError: a vocabulary is longer, or much shorter, than its embedding.
        ConfigurationError: the codes are not subword-nmt's.
    """

    kind = "modelscope"
    simplify_source = False

    def __init__(
        self,
        source_vocabulary: str,
        target_vocabulary: str,
        codes: str,
        *,
        source_size: int,
        target_size: int,
        source_language: str,
        target_language: str,
    ) -> None:
        self._files = {
            SOURCE_VOCABULARY: source_vocabulary,
            TARGET_VOCABULARY: target_vocabulary,
            SOURCE_BPE: codes,
        }
        self.source_size, self.target_size = source_size, target_size
        self.source_language, self.target_language = source_language, target_language
        source = _tokens(source_vocabulary, source_size, "source")
        self._ids = {token: i for i, token in enumerate(source)}
        self._tokens = _tokens(target_vocabulary, target_size, "target")
        self._target_ids: dict[str, int] = {}  # made when first needed
        self._unknown = source_size - 1
        self._bpe = _bpe(codes)
        self._words = Words(source_language, target_language)

    # -- source side -----------------------------------------------------------

    def read(self, text: str) -> str:
        return text

    def encode(self, text: str) -> list[int]:
        """Ids of ``text`` as ModelScope's ``preprocess`` makes them."""
        return self._to_ids(self.segment(text))

    def segment(self, text: str) -> list[str]:
        """The BPE pieces of ``text``, continuation marks included."""
        self._forget()
        line: str = self._bpe.process_line(self._words.tokenize(text))
        return line.strip().split()

    def encode_with_spans(
        self, text: str, copies: Copies = (), side: Side = "source"
    ) -> tuple[list[int], list[Span]]:
        pieces = self.segment(text)
        return self._to_ids(pieces), _piece_spans(pieces, text, self._words.unescape)

    def copy_ids(self, side: Side) -> tuple[int, ...]:
        return ()

    def declare_copy_tokens(self, names: Sequence[str]) -> None:
        if names:
            raise ConfigurationError("copy_tokens: this kind of tokenizer cannot hold any")

    def represents(self, character: str) -> bool:
        known = character in self._ids or character + _MARK in self._ids
        return known or (character.isascii() and character.isprintable())  # Moses escapes some

    def _to_ids(self, pieces: Sequence[str]) -> list[int]:
        return [self._ids.get(piece, self._unknown) for piece in pieces]

    def _forget(self) -> None:
        # subword-nmt remembers every word it has met; a server meets no end of them.
        if len(self._bpe.cache) > _CACHED_WORDS:
            self._bpe.cache.clear()

    # -- target side -----------------------------------------------------------

    def encode_target(self, text: str) -> list[int]:
        """Cut greedily, since the target's own merges are not part of a checkpoint."""
        if not self._target_ids:
            self._target_ids = {token: i for i, token in enumerate(self._tokens)}
        ids: list[int] = []
        for word in text.split():
            while word:
                end = next((n for n in range(len(word), 0, -1) if self._piece(word, n)), 0)
                if not end:
                    return []
                ids.append(self._target_ids[self._piece(word, end)])
                word = word[end:]
        return ids

    def _piece(self, word: str, length: int) -> str:
        """The vocabulary's name of the first ``length`` letters of ``word``, or nothing."""
        name = word if length == len(word) else word[:length] + _MARK
        return name if name in self._target_ids else ""

    def is_unknown_target(self, token: int) -> bool:
        return token >= len(self._tokens) or self._tokens[token] == UNKNOWN

    def decode(self, ids: Sequence[int]) -> str:
        text = self._words.detokenize("".join(self._glued(ids)).split())
        # Moses joins what stands on both sides of a dash; one without neighbours stays marked.
        return text.replace("@-@", "-")

    def decode_with_spans(self, ids: Sequence[int]) -> tuple[str, list[Span]]:
        text = self.decode(ids)
        return text, _piece_spans(list(self._names(ids)), text, self._words.unescape_target)

    def _names(self, ids: Sequence[int]) -> Iterator[str]:
        for token in ids:
            if token == 0:
                return
            yield self._tokens[token] if token < len(self._tokens) else UNKNOWN

    def _glued(self, ids: Sequence[int]) -> list[str]:
        """One surface a token, with a space behind where a word ends."""
        return [
            name[: -len(_MARK)] if name.endswith(_MARK) else name + " " for name in self._names(ids)
        ]

    # -- files -----------------------------------------------------------------

    def save(self, directory: str | os.PathLike[str]) -> None:
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            (place / name).write_text(content, encoding="utf-8", newline="")
        write_description(
            place,
            {
                "type": self.kind,
                "source_language": self.source_language,
                "target_language": self.target_language,
                "source_size": self.source_size,
                "target_size": self.target_size,
                "files": sorted(self._files),
            },
        )

    @classmethod
    def load(cls, directory: Path, description: dict[str, Any]) -> ModelScopeTokenizer:
        contents = []
        for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY, SOURCE_BPE):
            contents.append(read_text(directory / name))
        try:
            return cls(
                *contents,
                source_size=int(description["source_size"]),
                target_size=int(description["target_size"]),
                source_language=str(description["source_language"]),
                target_language=str(description["target_language"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{directory}: the tokenizer's description lacks or misstates {error}"
            ) from error


def read_text(path: Path) -> str:
    """UTF-8 text with its line ends as they are.

    Raises:
        NotFoundError: no such file.
        CheckpointError: not UTF-8.
    """
    if not path.is_file():
        raise NotFoundError(f"tokenizer file {str(path)!r} is missing")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not UTF-8: byte {error.start} cannot be read") from error


def _tokens(vocabulary: str, size: int, side: str) -> list[str]:
    # Lines as Python's text mode reads them (\n, \r\n and \r end a line), then stripped.
    tokens = [line.strip() for line in io.StringIO(vocabulary, newline=None)]
    if not size - max(_FREE_IDS, size // 100) <= len(tokens) <= size:
        raise CheckpointError(
            f"the {side} vocabulary has {len(tokens)} lines for an embedding of {size} rows; "
            "the file is cut short or of another model"
        )
    return tokens


def _piece_spans(pieces: Sequence[str], text: str, unescape: Callable[[str], str]) -> list[Span]:
    """Where BPE pieces stand in ``text``; those of an escaped word (``&apos;s``) share its span."""
    words: list[list[str]] = [[]]
    for piece in pieces:
        words[-1].append(piece.removesuffix(_MARK))
        if not piece.endswith(_MARK):
            words.append([])
    plain = ["".join(word) for word in words if word]
    places = match_in_order([unescape(word) for word in plain], text)
    spans: list[Span] = []
    for parts, word, (start, end) in zip(words, plain, places, strict=False):
        if text[start:end] != word:
            spans += [(start, end)] * len(parts)
            continue
        for part in parts:
            spans.append((start, start + len(part)))
            start += len(part)
    return spans


def match_in_order(pieces: Sequence[str], text: str) -> list[Span]:
    """A span of ``text`` for each piece, none starting before the last one ended.

    White space between pieces is skipped. A piece that the text spells otherwise
    (normalised punctuation) gets the characters between its neighbours.
    """
    spans: list[Span] = []
    at = unmatched = 0

    def fill(end: int) -> None:
        """Give what lies before ``end`` to the first of the pieces that were not found."""
        low = spans[-1][1] if spans else 0
        for _ in range(unmatched):
            start = _skip_space(text, low)
            low = start + len(text[start : max(start, end)].rstrip())
            spans.append((start, low))

    for piece in pieces:
        at = _skip_space(text, at)
        if text.startswith(piece, at):
            start = at
        else:
            start = text.find(piece, at, at + _LOOK_AHEAD + len(piece)) if piece else -1
        if start < 0:
            unmatched += 1
            continue
        fill(start)
        at, unmatched = start + len(piece), 0
        spans.append((start, at))
    fill(len(text))
    return spans


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _bpe(codes: str) -> BPE:
    from subword_nmt.apply_bpe import BPE

    try:
        with io.StringIO(codes, newline=None) as file:
            return BPE(file)
    except (SystemExit, ValueError, IndexError) as error:
        raise ConfigurationError(f"the BPE codes are not subword-nmt's: {error}") from error
