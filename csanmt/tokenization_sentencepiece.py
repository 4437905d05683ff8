"""SentencePiece tokenizer: one model for the source, one for the target.

Our ids are SentencePiece's: 0 is ``</s>``, 1 is ``<unk>``, and byte pieces make
every character representable.
"""

from __future__ import annotations

import codecs
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from csanmt.errors import CheckpointError, ConfigurationError, NotFoundError
from csanmt.simplification import simplified
from csanmt.tokenization import Span, write_description
from csanmt.tokenization_copy import COPY_CHARACTER, Copies, Side, check_names, written

EOS = 0
_FILES = ("source.model", "target.model")
_READ_IN_BYTES = ("CJK", "BOPOMOFO", "LATIN")
_SPACE = "▁"  # how SentencePiece writes a space
# A lone surrogate cannot be written as UTF-8; the stand-in keeps offsets equal.
_SURROGATE = re.compile("[\ud800-\udfff]")


class SentencePieceTokenizer:
    """See ``csanmt.tokenization.Tokenizer``.

    Args:
        source, target: serialized SentencePiece models; with shared embeddings
            both are the same bytes.

    Raises:
        CheckpointError: a model is not SentencePiece's, or its eos is not id 0.
    """

    kind = "sentencepiece"

    def __init__(self, source: bytes, target: bytes) -> None:
        self._models = (source, target)
        self._source = _processor(source, _FILES[0])
        self._target = self._source if source == target else _processor(target, _FILES[1])
        self.source_size = int(self._source.get_piece_size())
        self.target_size = int(self._target.get_piece_size())
        self.simplify_source = False
        self._copy: dict[Side, tuple[int, ...]] = {"source": (), "target": ()}
        self._pieces = [_surface(self._target, token) for token in range(self.target_size)]

    @classmethod
    def load(cls, directory: Path, _: dict[str, Any]) -> SentencePieceTokenizer:
        models = []
        for name in _FILES:
            path = directory / name
            if not path.is_file():
                raise NotFoundError(f"tokenizer file {str(path)!r} is missing")
            models.append(path.read_bytes())
        return cls(*models)

    def save(self, directory: str | os.PathLike[str]) -> None:
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        for name, model in zip(_FILES, self._models, strict=True):
            (place / name).write_bytes(model)
        source, target = _FILES
        write_description(place, {"type": self.kind, "source": source, "target": target})

    # -- source side -----------------------------------------------------------

    def read(self, text: str) -> str:
        return simplified(text) if self.simplify_source else text

    def encode(self, text: str) -> list[int]:
        ids = self._source.encode(_SURROGATE.sub("\ufffd", self.read(text)))
        return [int(token) for token in ids]

    def encode_with_spans(
        self, text: str, copies: Copies = (), side: Side = "source"
    ) -> tuple[list[int], list[Span]]:
        if copies and not self._copy[side]:
            raise ConfigurationError("this version's vocabulary has no copy tokens")
        standin = ""
        if copies:
            text, standin = written(text, copies)
        model = self._source if side == "source" else self._target
        ids, spans = _with_spans(model, self.read(text) if side == "source" else text)
        if not copies:
            return ids, spans
        as_bytes = [int(model.piece_to_id(f"<0x{byte:02X}>")) for byte in standin.encode()]
        rest, width = iter(copies), len(as_bytes)
        place, kept = 0, []
        while place < len(ids):
            if ids[place : place + width] == as_bytes:
                kept.append((self._copy[side][next(rest)[1]], spans[place]))
                place += width
            else:
                kept.append((ids[place], spans[place]))
                place += 1
        return [token for token, _ in kept], [span for _, span in kept]

    def represents(self, character: str) -> bool:
        ids = [] if _SURROGATE.match(character) else self._source.encode(character)
        return any(self._source.id_to_piece(i) != _SPACE for i in ids) and not any(
            self._source.is_unknown(i) or (self._source.is_byte(i) and not _read(character))
            for i in ids
        )

    # -- copy tokens -----------------------------------------------------------

    def copy_ids(self, side: Side) -> tuple[int, ...]:
        return self._copy[side]

    def declare_copy_tokens(self, names: Sequence[str]) -> None:
        names = check_names(names)
        for side, model in (("source", self._source), ("target", self._target)):
            if names and not model.is_byte(model.piece_to_id("<0x00>")):
                raise ConfigurationError(f"copy_tokens: the {side} vocabulary has no byte pieces")
            ids = tuple(int(model.piece_to_id(name)) for name in names)
            for name, token in zip(names, ids, strict=True):
                if token == EOS or not model.is_control(token):
                    raise ConfigurationError(
                        f"copy_tokens: {name!r} is not a control piece of the {side} vocabulary"
                    )
            self._copy[side] = ids  # type: ignore[index]

    # -- target side -----------------------------------------------------------

    def encode_target(self, text: str) -> list[int]:
        ids = [int(token) for token in self._target.encode(_SURROGATE.sub("\ufffd", text))]
        return [] if any(map(self._target.is_unknown, ids)) else ids

    def is_unknown_target(self, token: int) -> bool:
        return token >= self.target_size or bool(self._target.is_unknown(token))

    def decode(self, ids: Sequence[int]) -> str:
        return self._decode(ids)[0]

    def decode_with_spans(self, ids: Sequence[int]) -> tuple[str, list[Span]]:
        """Bytes that form no character are left out, as is a token without a surface."""
        return self._decode(ids, frozenset(self._copy["target"]))

    def _decode(
        self, ids: Sequence[int], shown: frozenset[int] = frozenset()
    ) -> tuple[str, list[Span]]:
        """``decode_with_spans``, the ids of ``shown`` being one character each."""
        surfaces = self._surfaces(ids)
        for place, token in enumerate(ids[: len(surfaces)]):
            if token in shown:
                surfaces[place] = COPY_CHARACTER
        text, spans = "", []
        for surface in surfaces:
            if not text or text.endswith(" "):
                surface = surface.lstrip(" ")  # the first piece and runs of spaces
            bare = surface.lstrip(" ")
            start = len(text) + len(surface) - len(bare)
            text += surface
            spans.append((start, len(text)))
        stripped = text.rstrip(" ")
        limit = len(stripped)
        return stripped, [(min(start, limit), min(end, limit)) for start, end in spans]

    def _surfaces(self, ids: Sequence[int]) -> list[str]:
        """One string for each id before eos; a character made of bytes stands at its last byte."""
        surfaces: list[str] = []
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        for token in ids:
            if token == EOS:
                break
            piece: str | bytes = "" if token >= self.target_size else self._pieces[token]
            if isinstance(piece, bytes):
                surfaces.append(decoder.decode(piece))
            else:
                decoder.reset()
                surfaces.append(piece)
        return surfaces


def _with_spans(
    processor: sentencepiece.SentencePieceProcessor, text: str
) -> tuple[list[int], list[Span]]:
    mapping = processor.encode_as_offset_mapping(_SURROGATE.sub("\ufffd", text))
    spans = [(int(start), int(end)) for start, end in mapping["offsets"]]
    # Pieces of one character (its bytes, a ligature's letters) get empty spans but
    # for the last; give each the whole character.
    for i in range(len(spans) - 2, -1, -1):
        if spans[i][0] == spans[i][1] == spans[i + 1][0]:
            spans[i] = spans[i + 1]
    return [int(token) for token in mapping["ids"]], spans


def _read(character: str) -> bool:
    """Written in bytes, the character still means something to the model: a rare Han or é.

    The Han that Unicode added in plane 2 stand in no corpus, and the model would invent.
    """
    known = character.isalpha() and character < "\U00020000"
    return known and unicodedata.name(character, "").startswith(_READ_IN_BYTES)


def _surface(processor: sentencepiece.SentencePieceProcessor, token: int) -> str | bytes:
    name = str(processor.id_to_piece(token))
    if processor.is_byte(token):
        return bytes([int(name[1:-1], 16)])  # "<0x0A>"
    if processor.is_control(token) or processor.is_unknown(token):
        return ""
    return name.replace(_SPACE, " ")


def _processor(model: bytes, name: str) -> sentencepiece.SentencePieceProcessor:
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(f"{name} is not a SentencePiece model: {error}") from error
    if processor.eos_id() != EOS:
        raise CheckpointError(
            f"{name} has its end of sentence at id {processor.eos_id()}; "
            "train it with eos_id=0, unk_id=1, bos_id=-1, pad_id=-1"
        )
    return processor
