"""Reads parallel text, one pair at a time, whatever the file: TSV (also .xz, .gz), TMX, Moses.

Nothing is held in memory: a corpus of any size streams.
"""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO

from csanmt.errors import InvalidInputError, NotFoundError


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
