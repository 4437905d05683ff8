"""What a tokenizer is here, and how the one saved with a model is found again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tokenization_copy import Segment, Side, check_names

Span = tuple[int, int]  # half-open character range
DESCRIPTION = "tokenizer_config.json"
DIRECTORY = "tokenizer"


@runtime_checkable
class Tokenizer(Protocol):
    """Text of the source language ↔ source ids; target ids ↔ text of the target language.

    Ids carry no eos: the engine adds it. Nothing in a text is ever read as a
    control token: ``</s>``, ``<unk>``, ``@@`` are characters like any other.
    """

    kind: str  # "sentencepiece", "modelscope"
    source_size: int  # ids of the source side are below this
    target_size: int

    def encode(self, text: str) -> list[int]:
        """Source ids of ``text``; blank text gives none."""
        ...

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """The same ids and, for each, the characters of ``text`` it stands for."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Target text of ``ids``, up to the first eos (0)."""
        ...

    def decode_with_spans(self, ids: Sequence[int]) -> tuple[str, list[Span]]:
        """The same text and, for each id before eos, its characters in the text."""
        ...

    def represents(self, character: str) -> bool:
        """The source vocabulary has a piece of its own for this character."""
        ...

    def encode_target(self, text: str) -> list[int]:
        """Target ids of words in the midst of a sentence; none if they cannot be written."""
        ...

    def copy_ids(self, side: Side) -> tuple[int, ...]:
        """Ids of the sixteen copy tokens (``csanmt.tokenization_copy``), or none."""
        ...

    def declare_copy_tokens(self, names: Sequence[str]) -> None:
        """Take these pieces of both vocabularies as the copy tokens.

        Raises:
            ConfigurationError: a vocabulary lacks one, or a text could encode to it.
        """
        ...

    def encode_segments(
        self, segments: Sequence[Segment], side: Side = "source"
    ) -> tuple[list[int], list[Span]]:
        """Ids of a text in which copy tokens stand, and the spans of the ids.

        A copy token is one id and counts as one character; the text between is encoded as
        if something unknown stood there, its spaces kept as everywhere.

        Raises:
            ConfigurationError: a copy token where none is declared.
        """
        ...

    def decode_segments(self, ids: Sequence[int]) -> tuple[list[Segment], list[Span]]:
        """``decode_with_spans`` with the text cut at its copy tokens, one character each."""
        ...

    def is_unknown_target(self, token: int) -> bool:
        """The target id stands for "something unknown"."""
        ...

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write everything ``load_tokenizer`` needs into ``directory``."""
        ...


def load_tokenizer(directory: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer saved in ``directory``, or in its ``tokenizer/`` (a model's directory).

    A model's ``config.json`` also says which pieces are copy tokens.

    Raises:
        NotFoundError: there is no description or a file it names is missing.
        ConfigurationError: the description is not JSON or of an unknown type, or the
            copy tokens are not pieces of both vocabularies.
    """
    place = Path(directory)
    names: tuple[str, ...] = ()
    if (place / DIRECTORY / DESCRIPTION).is_file():
        names = _copy_tokens(place / "config.json")
        place = place / DIRECTORY
    description = read_description(place)
    kind = description.get("type")
    if kind not in _KINDS:
        raise ConfigurationError(
            f"{place / DESCRIPTION}: type is {kind!r}; allowed is {', '.join(sorted(_KINDS))}"
        )
    tokenizer = _KINDS[kind](place, description)
    tokenizer.declare_copy_tokens(names)
    return tokenizer


def _copy_tokens(path: Path) -> tuple[str, ...]:
    """The names in a model's configuration; one that cannot be read has none."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return check_names(config.get("copy_tokens", ())) if isinstance(config, dict) else ()


def read_description(directory: Path) -> dict[str, Any]:
    """The JSON object in ``directory``'s description file."""
    path = directory / DESCRIPTION
    if not path.is_file():
        raise NotFoundError(f"no tokenizer in {str(directory)!r}: {DESCRIPTION} is missing")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(description, dict):
        raise ConfigurationError(f"{path} must hold a JSON object")
    return description


def write_description(directory: Path, description: dict[str, Any]) -> None:
    text = json.dumps(description, ensure_ascii=False, indent=2) + "\n"
    (directory / DESCRIPTION).write_text(text, encoding="utf-8")


def _sentencepiece(directory: Path, description: dict[str, Any]) -> Tokenizer:
    from csanmt.tokenization_sentencepiece import SentencePieceTokenizer

    return SentencePieceTokenizer.load(directory, description)


def _modelscope(directory: Path, description: dict[str, Any]) -> Tokenizer:
    from csanmt.modelscope.tokenization import ModelScopeTokenizer

    return ModelScopeTokenizer.load(directory, description)


_KINDS: dict[str, Callable[[Path, dict[str, Any]], Tokenizer]] = {
    "sentencepiece": _sentencepiece,
    "modelscope": _modelscope,
}
