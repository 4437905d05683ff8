"""Keeps test sentences out of training: benchmark lines and the smoke test's sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from csanmt.errors import NotFoundError
from csanmt.source_tree import SOURCE_TREE
from csanmt.tables import read_toml
from training.card import sentences
from training.corpus import SentencePair, corpus_files, is_tmx, open_text, read_pairs
from training.filtering import FilterReport

# The founding article's check that a deployed model translates at all; never trained on.
SMOKE_SENTENCES = ("这是一段测试文本。", "人工智能正在改变世界。", "北京天气很好。", "你好世界")
SUITES = SOURCE_TREE / "benchmarks" / "suites"


def fingerprint(text: str) -> str:
    """Letters and digits alone, compatibility-folded and lower case: what equality is judged on."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def suite_files() -> list[Path]:
    """Sentences and references of the gate's suites, which no recipe may train on.

    Raises:
        NotFoundError: this installation has no suites: data is prepared in the repository.
    """
    paths = []
    for description in sorted(SUITES.glob("*/suite.toml")):
        suite = read_toml(description)
        names = [suite.get("source"), *suite.get("references", [])]
        paths += [description.with_name(name) for name in names if name]
    if not paths:
        raise NotFoundError(f"no benchmark suite in {SUITES}: prepare data in the repository")
    return paths


def _sentences(path: Path, languages: tuple[str, str]) -> Iterator[str]:
    halves = corpus_files(path, languages)
    if is_tmx(path) or (not path.is_file() and all(half.is_file() for half in halves)):
        for pair in read_pairs([path], languages):
            yield from (pair.source, pair.target)
        return
    with open_text(path) as stream:  # plain text has one column
        for line in stream:
            yield from line.rstrip("\r\n").split("\t")[:2]


class ContaminationFilter:
    """Refuses every pair that equals an excluded sentence on either side."""

    def __init__(self, sentences: Iterable[str], inside: Iterable[str] = SMOKE_SENTENCES) -> None:
        """
        Args:
            sentences: excluded lines, either language.
            inside: sentences that may not even occur within a longer line.
        """
        self._excluded = {fingerprint(sentence) for sentence in sentences} - {""}
        self._inside = tuple(map(fingerprint, inside))
        self._excluded.update(self._inside)

    @classmethod
    def from_files(
        cls, paths: Iterable[Path], languages: tuple[str, str] = ("zh", "en")
    ) -> ContaminationFilter:
        """Exclude every sentence of these files, and what a release shows (``showcase``).

        Args:
            paths: what ``read_pairs`` reads, or plain text, a sentence a line.
            languages: of TMX and Moses, as there.

        Raises:
            NotFoundError: a file is missing: a filter that silently lacks a set is none.
            InvalidInputError: a TMX or a Moses pair cannot be read.
        """
        shown = (side for shown in sentences() for side in (shown.source, shown.reference))
        listed = (line for path in paths for line in _sentences(path, languages))
        return cls(chain(shown, listed))

    def __len__(self) -> int:
        return len(self._excluded)

    def refuses(self, pair: SentencePair) -> bool:
        sides = fingerprint(pair.source), fingerprint(pair.target)
        if sides[0] in self._excluded or sides[1] in self._excluded:
            return True
        return any(text in side for text in self._inside for side in sides)

    def clean(self, pairs: Iterable[SentencePair], report: FilterReport) -> Iterator[SentencePair]:
        """The pairs that are not refused; the others are counted as ``contamination``."""
        for pair in pairs:
            if self.refuses(pair):
                report.dropped["contamination"] += 1
            else:
                yield pair
