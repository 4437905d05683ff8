"""Whether what must not change comes back, through every way in, and what it costs.

Protected pieces of every family (``csanmt.protected``) are put into sentences of Tatoeba at word
boundaries, one to eight, at most one for four words, and into sentences with the names that stand
for pieces where a version has no copy tokens.

    python -m benchmarks.protected_text model_store/default [--sentences N] [--url URL]
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jieba
import sacrebleu

from benchmarks.behaviour import CASES_DIR
from benchmarks.protected_ways import WAYS, Way, served
from benchmarks.suite import load_suite
from csanmt.loading import load_translator
from csanmt.protected.families import FAMILIES
from csanmt.protected.finder import find
from csanmt.protected.names import lost_names
from csanmt.tables import read_toml
from csanmt.text_translator import TextTranslator
from csanmt.translator import DecodingOptions, ShouldStop, Translation

_PEOPLE = read_toml(CASES_DIR / "protected.toml")
CHINESE, TEMPLATES = _PEOPLE["names"], _PEOPLE["sentences"]
MOST = 8
_WORDS_EACH = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence with pieces, the sentence itself and its reference (Tatoeba's only)."""

    source: str
    bare: str
    pieces: tuple[str, ...]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class WayScores:
    """Of one way. Shares are of sentences; BLEU is of what is left without the pieces.

    Attributes:
        kept: every piece came back as often as it stood there.
        named: no person's name was lost, of the sentences with names.
        bleu: with one piece, with more; ``bare`` is of the same sentences without pieces.
    """

    way: str
    sentences: int
    kept: float
    named: float
    cut: float
    bleu_one: float
    bare_one: float
    bleu_more: float
    bare_more: float


class Recording:
    """A translator that translates each sentence once, whatever way it comes, and counts cuts."""

    def __init__(self, translator: TextTranslator) -> None:
        self._translator = translator
        self.known: dict[tuple[str, bool], Translation] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._translator, name)

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions | None = None,
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        options = options or self._translator.decoding
        missing = [s for s in dict.fromkeys(sources) if (s, options.alignment) not in self.known]
        for start in range(0, len(missing), 32):
            part = missing[start : start + 32]
            for source, found in zip(part, self._translator.translate(part, options), strict=True):
                self.known[source, options.alignment] = found
        return [self.known[source, options.alignment] for source in sources]


def cases(bare: Iterable[tuple[str, str]], seed: int) -> list[Case]:
    """Pieces of random families at random word boundaries; sentences of few words are left out."""
    chance = random.Random(seed)
    found = []
    for sentence, reference in bare:
        words = list(jieba.cut(sentence))
        places = _boundaries(words)
        count = min(chance.randint(1, MOST), len(words) // _WORDS_EACH, len(places))
        if not count or find(sentence):
            continue
        pieces = [chance.choice(chance.choice(FAMILIES).examples) for _ in range(count)]
        source = sentence
        for place, piece in zip(
            sorted(chance.sample(places, count), reverse=True), pieces, strict=True
        ):
            gap = chance.choice(["", " "])
            source = source[:place] + gap + piece + gap + source[place:]
        found.append(Case(" ".join(source.split()), sentence, tuple(pieces), reference))
    return found


def _boundaries(words: Sequence[str]) -> list[int]:
    """Offsets between two words of Chinese."""
    places, at = [], 0
    for left, right in pairwise(words):
        at += len(left)
        if not any(c.isascii() or not c.isalnum() for c in (left[-1], right[0])):
            places.append(at)
    return places


def measure(
    name: str, way: Way, translator: Recording, texts: Sequence[Case], names: Sequence[Case]
) -> WayScores:
    everything = [*texts, *names]
    answers = way(translator, [case.source for case in everything])
    kept = [_kept(case, answer) for case, answer in zip(everything, answers, strict=True)]
    own = [t.text for t in translator.translate([case.bare for case in names])]
    named = [not lost_names(o, a) for o, a in zip(own, answers[len(texts) :], strict=True)]
    cut = [t.cut for (source, _), t in translator.known.items() if find(source)]
    bleu = []
    for several in (False, True):
        rows = [i for i, case in enumerate(texts) if (len(case.pieces) > 1) == several]
        references = [[texts[i].reference for i in rows]]
        plain = [t.text for t in translator.translate([texts[i].bare for i in rows])]
        left = [_without(answers[i], texts[i].pieces) for i in rows]
        bleu += [
            sacrebleu.corpus_bleu(hypotheses, references).score for hypotheses in (left, plain)
        ]
    share = sum(cut) / max(1, len(cut))
    return WayScores(
        name, len(everything), sum(kept) / len(kept), sum(named) / max(1, len(named)), share, *bleu
    )


def _kept(case: Case, answer: str) -> bool:
    return all(answer.count(piece) == case.source.count(piece) for piece in case.pieces)


def _without(answer: str, pieces: Sequence[str]) -> str:
    for piece in sorted(pieces, key=len, reverse=True):
        answer = answer.replace(piece, " ")
    return re.sub(r" (?=[.,!?;:])", "", " ".join(answer.split()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.protected_text")
    parser.add_argument("model", type=Path)
    parser.add_argument("--sentences", type=int, default=0, help="of Tatoeba, from its start")
    parser.add_argument("--url", help="a running service: also through its APIs")
    arguments = parser.parse_args()
    jieba.setLogLevel("ERROR")
    suite = load_suite("tatoeba")
    pairs = list(zip(suite.sources, suite.references[0], strict=True))[
        : arguments.sentences or None
    ]
    texts = cases(pairs, seed=1)
    with_names = [(t.format(n), "") for t in TEMPLATES for n in CHINESE]
    names = cases(with_names[:: max(1, 1000 // len(pairs))], seed=2)
    translator = Recording(load_translator(arguments.model))
    ways = WAYS | (served(arguments.url) if arguments.url else {})
    outcomes = []
    for name, way in ways.items():
        outcomes.append(measure(name, way, translator, texts, names))
        sys.stderr.write(f"{name}: {outcomes[-1].kept:.2%}\n")
    sys.stdout.write(table(outcomes))
    return 0


def table(outcomes: Sequence[WayScores]) -> str:
    rows = [
        "| way | sentences | pieces kept | names kept | cut | BLEU, one piece (without) | more |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for o in outcomes:
        rows.append(
            f"| {o.way} | {o.sentences} | {o.kept:.2%} | {o.named:.2%} | {o.cut:.1%} "
            f"| {o.bleu_one:.1f} ({o.bare_one:.1f}) | {o.bleu_more:.1f} ({o.bare_more:.1f}) |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
