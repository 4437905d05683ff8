"""What a tokenizer is here, and how its files describe themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from csanmt.errors import NotFoundError
from csanmt.tokenization_copy import Copies, Side
from csanmt.version import read_json_object, write_json

Span = tuple[int, int]  # half-open character range
DESCRIPTION = "tokenizer_config.json"


@runtime_checkable
class Tokenizer(Protocol):
    """Text of the source language ↔ source ids; target ids ↔ text of the target language.

    Ids carry no eos: the engine adds it. Nothing in a text is ever read as a
    control token: ``</s>``, ``<unk>``, ``@@`` are characters like any other.
    """

    kind: str  # "sentencepiece", "modelscope"
    source_size: int  # ids of the source side are below this
    target_size: int

    simplify_source: bool  # source text is read in simplified characters

    def read(self, text: str) -> str:
        """Source text as the model reads it, character for character; encoding does so itself."""
        ...

    def encode(self, text: str) -> list[int]:
        """Source ids of ``text``; blank text gives none."""
        ...

    def encode_with_spans(
        self, text: str, copies: Copies = (), side: Side = "source"
    ) -> tuple[list[int], list[Span]]:
        """The same ids and, for each, the characters of ``text`` it stands for.

        Args:
            copies: copy tokens; each is one id, and the text beside it is encoded as if
                something unknown stood there, its spaces kept as everywhere.

        Raises:
            ConfigurationError: a copy token where none is declared.
        """
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Target text of ``ids``, up to the first eos (0)."""
        ...

    def decode_with_spans(self, ids: Sequence[int]) -> tuple[str, list[Span]]:
        """The same text and, for each id before eos, its characters in the text.

        A copy token, which ``decode`` leaves out, is one ``COPY_CHARACTER``.
        """
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

    def is_unknown_target(self, token: int) -> bool:
        """The target id stands for "something unknown"."""
        ...

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write everything ``load_tokenizer`` needs into ``directory``."""
        ...


def read_description(directory: Path) -> dict[str, Any]:
    """The JSON object in ``directory``'s description file."""
    path = directory / DESCRIPTION
    if not path.is_file():
        raise NotFoundError(f"no tokenizer in {str(directory)!r}: {DESCRIPTION} is missing")
    return read_json_object(path)


def write_description(directory: Path, description: dict[str, Any]) -> None:
    write_json(directory / DESCRIPTION, description)
