"""Reads parallel text, one pair at a time, whatever the file: TSV (also .xz, .gz), TMX, Moses.

Nothing is held in memory: a corpus of any size streams.

What every source of training text is, its domain and its licence, stands in ``sources.tsv``.
"""

from __future__ import annotations

import csv
import gzip
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import IO

from csanmt.errors import InvalidInputError, NotFoundError

TABLE = Path(__file__).resolve().parent / "sources.tsv"
FAMILIES = ("permissive", "attribution", "share-alike", "mpl", "lgpl", "gpl", "agpl", "odbl")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """One sentence (or line) pair and the name of the corpus it came from."""

    source: str
    target: str
    origin: str


def read_pairs(
    paths: Iterable[Path], languages: tuple[str, str] = ("zh", "en")
) -> Iterator[SentencePair]:
    """Every pair of every file, in order.

    Args:
        paths: ``*.tsv[.xz|.gz]`` with columns source, target[, origin]; ``*.tmx``;
            or a Moses prefix ``corpus`` standing for ``corpus.zh`` and ``corpus.en``.
        languages: codes of source and target, for TMX and Moses.

    Raises:
        NotFoundError: a file is missing.
        InvalidInputError: a line has no second column, or the two halves of a
            Moses pair differ in length.
    """
    for path in paths:
        if _is_tsv(path):
            yield from _read_tsv(path)
        elif is_tmx(path):
            yield from _read_tmx(path, languages)
        else:
            yield from _read_moses(path, languages)


def _is_tsv(path: Path) -> bool:
    return ".tsv" in path.name


def is_tmx(path: Path) -> bool:
    return path.name.endswith((".tmx", ".tmx.gz", ".tmx.xz"))


def corpus_files(path: Path, languages: tuple[str, str] = ("zh", "en")) -> list[Path]:
    """The files that ``read_pairs`` reads for one of its paths."""
    if _is_tsv(path) or is_tmx(path):
        return [path]
    return [path.with_name(f"{path.name}.{language}") for language in languages]


def open_text(path: Path) -> IO[str]:
    """Open plain, gzip or xz text as UTF-8.

    Raises:
        NotFoundError: there is no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"no corpus file {str(path)!r}")
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="\n")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="\n")
    return path.open(encoding="utf-8", newline="\n")


def _stem(path: Path) -> str:
    return path.name.split(".", 1)[0]


def _read_tsv(path: Path) -> Iterator[SentencePair]:
    stem = _stem(path)
    with open_text(path) as lines:
        for number, line in enumerate(lines, 1):
            columns = line.rstrip("\r\n").split("\t")
            if len(columns) < 2:
                raise InvalidInputError(
                    f"{path}:{number}: expected source<TAB>target[<TAB>origin], got one column"
                )
            yield SentencePair(columns[0], columns[1], columns[2] if len(columns) > 2 else stem)


def _read_moses(prefix: Path, languages: tuple[str, str]) -> Iterator[SentencePair]:
    sides = corpus_files(prefix, languages)
    with open_text(sides[0]) as sources, open_text(sides[1]) as targets:
        for number, (source, target) in enumerate(zip_longest(sources, targets), 1):
            if source is None or target is None:
                short = sides[0] if source is None else sides[1]
                raise InvalidInputError(f"{short} ends before its other half, at line {number}")
            yield SentencePair(source.rstrip("\r\n"), target.rstrip("\r\n"), prefix.name)


def _read_tmx(path: Path, languages: tuple[str, str]) -> Iterator[SentencePair]:
    from csanmt.memory.entries import Direction
    from csanmt.memory.exchange import read_tmx

    with open_text(path) as stream:
        for pair in read_tmx(stream, Direction(*languages), path.name):
            yield SentencePair(
                " ".join(pair.source.split()), " ".join(pair.target.split()), _stem(path)
            )


# --- sources ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One line of the table.

    domain: what kind of text, for losses by domain; family: the strictest licence family of
    its parts (one of ``FAMILIES``); licence: as found; place: repository or package.
    """

    origin: str
    domain: str
    family: str
    licence: str
    place: str


@cache
def sources() -> dict[str, Source]:
    """Origin → what it is."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["origin"]: Source(**row) for row in rows}


def base(origin: str) -> str:
    """The origin as the table has it: ``lctt:short`` is ``lctt``."""
    return origin.removesuffix(":short")


def source(origin: str) -> Source:
    """What an origin is; text of one's own is of the domain ``other``, of the family ``own``."""
    name = base(origin)
    return sources().get(name) or Source(name, "other", "own", "", "")
