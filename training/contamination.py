"""Keeps test sentences out of training: benchmark lines and the smoke test's sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from training.corpus import Pair, open_text
from training.filtering import FilterReport

# The founding article's check that a deployed model translates at all; never trained on.
SMOKE_SENTENCES = ("这是一段测试文本。", "人工智能正在改变世界。", "北京天气很好。", "你好世界")
SUBSTRING_LENGTH = 4  # excluded sentences of at least this many characters may not occur inside


def fingerprint(text: str) -> str:
    """Letters and digits alone, compatibility-folded and lower case: what equality is judged on."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


class ContaminationFilter:
    """Refuses every pair that equals an excluded sentence on either side."""

    def __init__(self, sentences: Iterable[str], inside: Iterable[str] = SMOKE_SENTENCES) -> None:
        """
        Args:
            sentences: excluded lines, either language.
            inside: sentences that may not even occur within a longer line.
        """
        self._excluded = {fingerprint(sentence) for sentence in sentences} - {""}
        prints = {fingerprint(sentence) for sentence in inside}
        self._inside = tuple(text for text in prints if len(text) >= SUBSTRING_LENGTH)
        self._excluded |= prints - {""}

    @classmethod
    def from_files(cls, paths: Iterable[Path]) -> ContaminationFilter:
        """Exclude every line of these files; a TSV excludes each of its first two columns.

        Raises:
            NotFoundError: a file is missing: a filter that silently lacks a set is none.
        """
        lines: list[str] = []
        for path in paths:
            with open_text(path) as stream:
                for line in stream:
                    lines.extend(line.rstrip("\r\n").split("\t")[:2])
        return cls(lines)

    def __len__(self) -> int:
        return len(self._excluded)

    def refuses(self, pair: Pair) -> bool:
        sides = fingerprint(pair.source), fingerprint(pair.target)
        if sides[0] in self._excluded or sides[1] in self._excluded:
            return True
        return any(text in side for text in self._inside for side in sides)

    def clean(self, pairs: Iterable[Pair], report: FilterReport) -> Iterator[Pair]:
        """The pairs that are not refused; the others are counted as ``contamination``."""
        for pair in pairs:
            if self.refuses(pair):
                report.kept[pair.origin] -= 1
                report.dropped["contamination"] += 1
            else:
                yield pair
