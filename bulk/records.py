"""What goes through a bulk translation: records in, answers out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from csanmt.errors import ConfigurationError
from csanmt.surrogates import lone_surrogate

MAX_CHARACTERS = 1_000_000  # of one record; more is not a text but an accident
CHUNK_CHARACTERS = 200_000  # a chunk ends before it would have more


@dataclass(frozen=True, slots=True)
class Layout:
    """How records look.

    Attributes:
        format: of all inputs; empty: by each file's ending.
        field: where the text is: a column's number from 1 (tsv) or name (tsv with a header,
            parquet), a field of JSON objects, ``a.b`` for one inside another.
        into: name of the column or field that the translation becomes.
        header: tsv files begin with a line of names.
        policy: what becomes of a bad record. ``fail`` refuses the input, ``copy`` writes the
            record as it came, ``empty`` with an empty translation.
    """

    format: Literal["", "txt", "tsv", "jsonl", "parquet"] = ""
    field: str = ""
    into: str = "translation"
    header: bool = False
    policy: Literal["fail", "copy", "empty"] = "fail"

    def __post_init__(self) -> None:
        if not self.into or any(c in self.into for c in "\t\r\n"):
            raise ConfigurationError("into must be a name without tabs and line breaks")


@dataclass(frozen=True, slots=True)
class Record:
    """One line or row of an input.

    Attributes:
        number: counted from 1, headers included, as an editor would.
        text: what is to be translated; None if the record is bad.
        problem: why it is bad, in a few words that many records may share.
    """

    number: int
    text: str | None
    problem: str = ""

    @classmethod
    def of(cls, number: int, text: str) -> Record:
        """A record of ``text``, bad if it cannot be a text of a corpus."""
        if len(text) > MAX_CHARACTERS:
            return cls(number, None, f"longer than {MAX_CHARACTERS} characters")
        if lone_surrogate(text) is not None:
            return cls(number, None, "half of a surrogate pair")
        return cls(number, text)


class Answer(NamedTuple):
    """The translation of one record.

    Attributes:
        kept: nothing to translate in it (blank, or nothing of the source language).
        split: a sentence was too long for the model and was translated in pieces.
        truncated: a sentence's translation ran into the length limit.
    """

    text: str
    kept: bool = False
    split: bool = False
    truncated: bool = False


# The answer to a bad record is None.
Answers = tuple[Answer | None, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one input: the unit of work, and of what a crash can cost.

    Attributes:
        file, index: which input, and which chunk of it, both from 0.
        first, last: numbers of the first and the last record.
        texts: None for a bad record.
    """

    file: int
    index: int
    first: int
    last: int
    texts: tuple[str | None, ...]

    @property
    def key(self) -> tuple[int, int]:
        return self.file, self.index


def cut(records: Iterable[Record], file: int, most_records: int) -> Iterator[Chunk]:
    """Cut an input into chunks; the same input gives the same chunks every time."""
    waiting: list[Record] = []
    index = size = 0
    for record in records:
        length = len(record.text or "")
        full = len(waiting) >= most_records or size + length > CHUNK_CHARACTERS
        if waiting and full:
            yield _chunk(file, index, waiting)
            waiting, size, index = [], 0, index + 1
        waiting.append(record)
        size += length
    if waiting:
        yield _chunk(file, index, waiting)


def _chunk(file: int, index: int, records: list[Record]) -> Chunk:
    texts = tuple(record.text for record in records)
    return Chunk(file, index, records[0].number, records[-1].number, texts)
